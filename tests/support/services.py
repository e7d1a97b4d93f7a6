"""The API's services over any Redis, as the API wires them."""

from redis import Redis

from api.callers import Caller
from api.event_feed import EventFeeds, JobEvents
from api.forecast import Forecaster
from api.inputs.references import References
from api.job_service import JobService
from api.live_loras import LiveLoras
from api.own_jobs import OwnJobs
from shared.event_log import EventLog
from shared.generation import GenerationDefaults
from shared.input_store import InputStore
from shared.job_listing import JobListing
from shared.job_queue import JobQueue
from shared.job_store import JobStore
from shared.live_workers import LiveWorkers
from shared.lora_registry import LoraRegistry
from shared.pace import PaceStore
from shared.redis_images import RedisImages
from shared.tracing import NoTracing
from shared.worker_registry import WorkerRegistry
from tests.support.builders import LIMIT


def make_job_service(
    redis: Redis, store: JobStore, queue: JobQueue, *, limit: int = LIMIT
) -> JobService:
    return JobService(
        store=store,
        inputs=References(InputStore(redis, kept_seconds=3600)),
        images=RedisImages(redis, result_ttl=60),
        queue=queue,
        workers=LiveWorkers(redis, WorkerRegistry(redis)),
        listing=JobListing(redis, store),
        forecaster=make_forecaster(redis, store),
        loras=LiveLoras(LoraRegistry(redis)),
        defaults=GenerationDefaults(),
        limit=limit,
        check_prompts=lambda *_: None,
        tracing=NoTracing(),
    )


def make_own_jobs(redis: Redis, store: JobStore, queue: JobQueue, *, limit: int = LIMIT) -> OwnJobs:
    """Give the jobs of whoever comes where no key is needed."""
    return OwnJobs(make_job_service(redis, store, queue, limit=limit), Caller(name=""))


def make_forecaster(redis: Redis, store: JobStore) -> Forecaster:
    return Forecaster(store, WorkerRegistry(redis), PaceStore(redis))


def make_feeds(redis: Redis, store: JobStore, queue: JobQueue) -> EventFeeds:
    jobs = make_job_service(redis, store, queue)
    return EventFeeds(JobEvents(EventLog(redis), jobs, make_forecaster(redis, store)))
