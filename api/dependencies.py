"""What routes ask for, and the one place that picks the implementations behind it."""

from dataclasses import dataclass
from typing import Annotated, Self, cast

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry, ProcessCollector
from redis import Redis

from api.audience import Audience
from api.blocking_call import BlockingCall
from api.broker_watch import BrokerWatch
from api.callers import KeyRing, KeysUnreadable, parse_rate
from api.changes import Changes
from api.event_feed import EventFeeds, JobEvents
from api.forecast import Forecaster
from api.inputs.references import References
from api.job_service import JobService
from api.live_gauges import LiveGauges
from api.live_loras import LiveLoras
from api.live_models import LiveModels
from api.prompt_readers import PromptReaders
from api.rate_limiter import RateLimiter
from api.request_metrics import HttpMetrics
from api.waiter import Waiter
from shared.errors import BrokerUnavailable, StorageMisconfigured
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
        images = _images_of(settings, redis)
        queue = JobQueue(create_celery(settings.redis_url), redis)
        workers = WorkerRegistry(redis)
        broker = BrokerWatch(settings.redis_url)
        gauges = LiveGauges(redis, workers, broker, limit=settings.max_concurrent_requests)
        listing = JobListing(redis, store)
        forecaster = Forecaster(store, workers, PaceStore(redis))
        prompts = PromptReaders(workers, TokenizerStore(redis))
        inputs = InputStore(redis, kept_seconds=settings.lifetime_seconds)
        jobs = JobService(
            store=store,
            inputs=References(inputs),
            images=images,
            queue=queue,
            workers=LiveWorkers(redis, workers),
            listing=listing,
            forecaster=forecaster,
            loras=LiveLoras(LoraRegistry(redis)),
            defaults=settings.generation_defaults,
            limit=settings.max_concurrent_requests,
            check_prompts=prompts.check,
            tracing=tracing,
            models=settings.named_models,
        )
        waiter = Waiter(store)
        feeds = EventFeeds(JobEvents(EventLog(redis), jobs, forecaster))
        blocking_call = BlockingCall(
            jobs,
            waiter,
            Audience(redis, ttl_seconds=settings.lifetime_seconds),
            timeout_seconds=settings.request_timeout,
        )
        return cls(
            settings=settings,
            redis=redis,
            store=store,
            images=images,
            queue=queue,
            workers=workers,
            prompts=prompts,
            inputs=inputs,
            jobs=jobs,
            listing=listing,
            waiter=waiter,
            feeds=feeds,
            changes=Changes(settings.redis_url, [waiter, feeds]),
            blocking_call=blocking_call,
            broker=broker,
            http_metrics=HttpMetrics(counts),
            metrics=exposed(counts, gauges, ProcessCollector(registry=None)),
            keys=_keys_of(settings),
            limiter=RateLimiter(settings.redis_url, redis.connection_pool),
            tracing=tracing,
        )

    def stop_waiting(self) -> None:
        """Let everybody who waits know that this process is being stopped."""
        self.waiter.stop()
        self.feeds.stop()


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


def services_of(request: Request) -> Services:
    """Give the parts of the process that serves a request."""
    return cast("Services", request.app.state.services)


# Coroutines, though they wait for nothing: FastAPI would give each of them to a thread. And none of
# them depends on another: it would go through that again wherever it is asked for.
async def require_broker(request: Request) -> None:
    """Refuse at once what needs Redis while it is away.

    Raises:
        BrokerUnavailable: It is.
    """
    if not services_of(request).broker.available:
        raise BrokerUnavailable


async def _settings(request: Request) -> Settings:
    return services_of(request).settings


async def _prompt_readers(request: Request) -> PromptReaders:
    return services_of(request).prompts


async def _inputs(request: Request) -> InputStore:
    return services_of(request).inputs


async def _waiter(request: Request) -> Waiter:
    return services_of(request).waiter


async def _feeds(request: Request) -> EventFeeds:
    return services_of(request).feeds


async def blocking_call(request: Request) -> BlockingCall:
    """Give what waits for clients."""
    return services_of(request).blocking_call


async def _live_models(settings: "CurrentSettings", workers: "Workers") -> LiveModels:
    return LiveModels(workers, settings.model_aliases)


async def _live_loras(request: Request) -> LiveLoras:
    return LiveLoras(LoraRegistry(services_of(request).redis))


async def _event_log(request: Request) -> EventLog:
    return EventLog(services_of(request).redis)


async def _workers(request: Request) -> WorkerRegistry:
    return services_of(request).workers


async def _metrics(request: Request) -> CollectorRegistry:
    return services_of(request).metrics


CurrentSettings = Annotated[Settings, Depends(_settings)]
CurrentInputs = Annotated[InputStore, Depends(_inputs)]
CurrentBlockingCall = Annotated[BlockingCall, Depends(blocking_call)]
Feeds = Annotated[EventFeeds, Depends(_feeds)]
CurrentPromptReaders = Annotated[PromptReaders, Depends(_prompt_readers)]
CurrentWaiter = Annotated[Waiter, Depends(_waiter)]
CurrentMetrics = Annotated[CollectorRegistry, Depends(_metrics)]
Workers = Annotated[WorkerRegistry, Depends(_workers)]
CurrentEventLog = Annotated[EventLog, Depends(_event_log)]
CurrentLiveLoras = Annotated[LiveLoras, Depends(_live_loras)]
CurrentLiveModels = Annotated[LiveModels, Depends(_live_models)]
