"""The parts of one API process, and the one place that picks the implementations behind them."""

from dataclasses import dataclass
from typing import Self

from prometheus_client import CollectorRegistry, ProcessCollector
from redis import Redis

from api.admission import Admission
from api.audience import Audience
from api.blocking_call import BlockingCall
from api.broker_watch import BrokerWatch
from api.callers import Caller, KeyRing, KeysUnreadable, parse_rate
from api.changes import Changes
from api.event_feed import EventFeeds, JobEvents
from api.forecast import Forecaster
from api.inputs.references import References
from api.job_pictures import JobPictures
from api.job_service import JobService
from api.job_views import JobViews
from api.live_gauges import LiveGauges
from api.live_loras import LiveLoras
from api.own_jobs import OwnJobs
from api.prompt_readers import PromptReaders
from api.rate_limiter import RateLimiter
from api.request_completer import RequestCompleter
from api.request_metrics import HttpMetrics
from api.waiter import Waiter
from shared.errors import StorageMisconfigured
from shared.event_log import EventLog
from shared.exposition import exposed
from shared.image_store import ImageStore
from shared.input_store import InputStore
from shared.job_listing import JobListing
from shared.job_metrics import JobMetrics
from shared.job_queue import JobQueue, create_celery
from shared.job_store import JobStore
from shared.live_workers import LiveWorkers
from shared.lora_registry import LoraRegistry
from shared.pace import PaceStore
from shared.redis_client import API_TIMEOUT_SECONDS, connect
from shared.settings import Settings
from shared.storage import checked_images_for
from shared.tokenizer_store import TokenizerStore
from shared.tracing import Tracing, connect_tracing
from shared.worker_registry import WorkerRegistry


@dataclass(frozen=True)
class Services:
    """The parts of one API process."""

    settings: Settings
    redis: Redis
    store: JobStore
    images: ImageStore
    queue: JobQueue
    workers: WorkerRegistry
    prompts: PromptReaders
    inputs: InputStore
    jobs: JobService
    views: JobViews
    listing: JobListing
    waiter: Waiter
    feeds: EventFeeds
    changes: Changes
    blocking_call: BlockingCall
    broker: BrokerWatch
    http_metrics: HttpMetrics
    metrics: CollectorRegistry
    keys: KeyRing
    limiter: RateLimiter
    tracing: Tracing

    @classmethod
    def connect(cls, settings: Settings, tracing: Tracing | None = None) -> Self:
        """Build the parts; nothing is sent to Redis before the first request."""
        tracing = tracing or connect_tracing(settings, "api")
        redis = connect(settings.redis_url, timeout_seconds=API_TIMEOUT_SECONDS)
        counts = CollectorRegistry()
        store = JobStore(
            redis,
            result_ttl=settings.result_ttl,
            lease_seconds=settings.lease_seconds,
            tell=JobMetrics(counts).changed,
        )
        queue = JobQueue(create_celery(settings.redis_url), redis)
        workers = WorkerRegistry(redis)
        broker = BrokerWatch(settings.redis_url)
        gauges = LiveGauges(redis, workers, broker, limit=settings.max_concurrent_requests)
        listing = JobListing(redis, store)
        forecaster = Forecaster(store, workers, PaceStore(redis))
        views = JobViews(store, listing, forecaster)
        prompts = PromptReaders(workers, TokenizerStore(redis))
        inputs = InputStore(redis, kept_seconds=settings.lifetime_seconds)
        jobs = JobService(
            store=store,
            completer=_completer_of(settings, redis, inputs, prompts),
            admission=Admission(store, forecaster, limit=settings.max_concurrent_requests),
            queue=queue,
            workers=LiveWorkers(redis, workers),
            tracing=tracing,
        )
        waiter = Waiter(store)
        feeds = EventFeeds(JobEvents(EventLog(redis), store, views, forecaster))
        audience = Audience(redis, ttl_seconds=settings.lifetime_seconds)
        return cls(
            settings=settings,
            redis=redis,
            store=store,
            images=_images_of(settings, redis),
            queue=queue,
            workers=workers,
            prompts=prompts,
            inputs=inputs,
            jobs=jobs,
            views=views,
            listing=listing,
            waiter=waiter,
            feeds=feeds,
            changes=Changes(settings.redis_url, [waiter, feeds]),
            blocking_call=BlockingCall(
                jobs, waiter, audience, timeout_seconds=settings.request_timeout
            ),
            broker=broker,
            http_metrics=HttpMetrics(counts),
            metrics=exposed(counts, gauges, ProcessCollector(registry=None)),
            keys=_keys_of(settings),
            limiter=RateLimiter(settings.redis_url, redis.connection_pool),
            tracing=tracing,
        )

    def jobs_of(self, caller: Caller) -> OwnJobs:
        """Give what a caller does with its jobs."""
        return OwnJobs(self.jobs, self.views, JobPictures(self.images), caller)

    def stop_waiting(self) -> None:
        """Let everybody who waits know that this process is being stopped."""
        self.waiter.stop()
        self.feeds.stop()


def _completer_of(
    settings: Settings, redis: Redis, inputs: InputStore, prompts: PromptReaders
) -> RequestCompleter:
    return RequestCompleter(
        inputs=References(inputs),
        loras=LiveLoras(LoraRegistry(redis)),
        defaults=settings.generation_defaults,
        check_prompts=prompts.check,
        models=settings.named_models,
    )


def _keys_of(settings: Settings) -> KeyRing:
    try:
        return KeyRing(
            settings.api_keys,
            settings.api_keys_file,
            rate=parse_rate(settings.rate_limit) if settings.rate_limit else None,
            max_jobs=settings.max_jobs_per_key or None,
        )
    except KeysUnreadable as error:
        message = f"Wrong setting API_KEYS_FILE={settings.api_keys_file}: {error}."
        raise SystemExit(message) from None


def _images_of(settings: Settings, redis: Redis) -> ImageStore:
    try:
        return checked_images_for(settings, redis)
    except StorageMisconfigured as error:
        message = f"Wrong setting STORAGE_URL: {error}."
        raise SystemExit(message) from None
