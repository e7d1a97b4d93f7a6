"""The API's services over any Redis, as the API wires them."""

from collections.abc import Collection

from redis import Redis

from api.admission import Admission
from api.callers import Caller
from api.event_feed import EventFeeds, JobEvents
from api.forecast import Forecaster
from api.inputs.references import References
from api.job_pictures import JobPictures
from api.job_service import JobService
from api.job_views import JobViews
from api.live_loras import LiveLoras
from api.own_jobs import OwnJobs
from api.request_completer import PromptCheck, RequestCompleter
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

KEPT_SECONDS = 3600
"""For which the pictures that admitted jobs begin with stay."""


def make_job_service(
    redis: Redis, store: JobStore, queue: JobQueue, *, limit: int = LIMIT
) -> JobService:
    return JobService(
        store=store,
        completer=make_completer(redis),
        admission=Admission(store, make_forecaster(redis, store), limit=limit),
        queue=queue,
        workers=LiveWorkers(redis, WorkerRegistry(redis)),
        tracing=NoTracing(),
    )


def make_completer(
    redis: Redis, *, check_prompts: PromptCheck = lambda *_: None, models: Collection[str] = ()
) -> RequestCompleter:
    return RequestCompleter(
        inputs=References(InputStore(redis, kept_seconds=KEPT_SECONDS)),
        loras=LiveLoras(LoraRegistry(redis)),
        defaults=GenerationDefaults(),
        check_prompts=check_prompts,
        models=models,
    )


def make_own_jobs(redis: Redis, store: JobStore, queue: JobQueue, *, limit: int = LIMIT) -> OwnJobs:
    """Give the jobs of whoever comes where no key is needed."""
    service = make_job_service(redis, store, queue, limit=limit)
    pictures = JobPictures(RedisImages(redis, result_ttl=60))
    return OwnJobs(service, make_views(redis, store), pictures, Caller(name=""))


def make_views(redis: Redis, store: JobStore) -> JobViews:
    return JobViews(store, JobListing(redis, store), make_forecaster(redis, store))


def make_forecaster(redis: Redis, store: JobStore) -> Forecaster:
    return Forecaster(store, WorkerRegistry(redis), PaceStore(redis))


def make_feeds(redis: Redis, store: JobStore, log: EventLog | None = None) -> EventFeeds:
    views, forecaster = make_views(redis, store), make_forecaster(redis, store)
    return EventFeeds(JobEvents(log or EventLog(redis), store, views, forecaster))
