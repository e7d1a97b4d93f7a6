"""What routes ask for, and the one place that picks the implementations behind it."""

from dataclasses import dataclass
from math import ceil
from typing import Annotated, Self, cast

from fastapi import Depends, Request
from redis import Redis

from api.audience import Audience
from api.blocking_call import BlockingCall
from api.broker_watch import BrokerWatch
from api.changes import Changes
from api.event_feed import EventFeeds, JobEvents
from api.forecast import Forecaster
from api.job_service import JobService
from api.live_models import LiveModels
from api.series import Series
from api.waiter import Waiter
from shared.errors import BrokerUnavailable
from shared.event_log import EventLog
from shared.image_store import ImageStore
from shared.job_listing import JobListing
from shared.job_queue import JobQueue, create_celery
from shared.job_store import JobStore
from shared.pace import PaceStore
from shared.redis_client import API_TIMEOUT_SECONDS, connect
from shared.settings import Settings
from shared.worker_registry import WorkerRegistry


@dataclass(frozen=True)
class Services:
    """The parts of one API process."""

    settings: Settings
    redis: Redis
    store: JobStore
    queue: JobQueue
    workers: WorkerRegistry
    jobs: JobService
    listing: JobListing
    waiter: Waiter
    feeds: EventFeeds
    changes: Changes
    blocking_call: BlockingCall
    broker: BrokerWatch

    @classmethod
    def connect(cls, settings: Settings) -> Self:
        """Build the parts; nothing is sent to Redis before the first request."""
        redis = connect(settings.redis_url, timeout_seconds=API_TIMEOUT_SECONDS)
        store = JobStore(
            redis, result_ttl=settings.result_ttl, lease_seconds=settings.lease_seconds
        )
        queue = JobQueue(create_celery(settings.redis_url), redis)
        workers = WorkerRegistry(redis)
        listing = JobListing(redis, store)
        forecaster = Forecaster(store, workers, PaceStore(redis))
        jobs = JobService(
            store=store,
            images=ImageStore(redis, result_ttl=settings.result_ttl),
            queue=queue,
            workers=workers,
            listing=listing,
            forecaster=forecaster,
            defaults=settings.generation_defaults,
            limit=settings.max_concurrent_requests,
        )
        waiter = Waiter(store)
        feeds = EventFeeds(JobEvents(EventLog(redis), jobs, forecaster))
        blocking_call = BlockingCall(
            jobs,
            waiter,
            Audience(redis, ttl_seconds=_lifetime_seconds(settings)),
            timeout_seconds=settings.request_timeout,
        )
        return cls(
            settings=settings,
            redis=redis,
            store=store,
            queue=queue,
            workers=workers,
            jobs=jobs,
            listing=listing,
            waiter=waiter,
            feeds=feeds,
            changes=Changes(settings.redis_url, [waiter, feeds]),
            blocking_call=blocking_call,
            broker=BrokerWatch(settings.redis_url),
        )

    def stop_waiting(self) -> None:
        """Let everybody who waits know that this process is being stopped."""
        self.waiter.stop()
        self.feeds.stop()


def _lifetime_seconds(settings: Settings) -> int:
    """Longer than any call can wait for a job."""
    return ceil(settings.job_timeout + settings.request_timeout) + settings.result_ttl


def _services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


def require_broker(services: Annotated[Services, Depends(_services)]) -> None:
    """Refuse at once what needs Redis while it is away.

    Raises:
        BrokerUnavailable: It is.
    """
    if not services.broker.available:
        raise BrokerUnavailable


def _settings(services: Annotated[Services, Depends(_services)]) -> Settings:
    return services.settings


def _jobs(services: Annotated[Services, Depends(_services)]) -> JobService:
    return services.jobs


def _waiter(services: Annotated[Services, Depends(_services)]) -> Waiter:
    return services.waiter


def _feeds(services: Annotated[Services, Depends(_services)]) -> EventFeeds:
    return services.feeds


def _blocking_call(services: Annotated[Services, Depends(_services)]) -> BlockingCall:
    return services.blocking_call


def _series(jobs: "Jobs", call: "CurrentBlockingCall") -> Series:
    return Series(jobs, call)


def _live_models(settings: "CurrentSettings", workers: "Workers") -> LiveModels:
    return LiveModels(workers, settings.model_aliases)


def _event_log(services: Annotated[Services, Depends(_services)]) -> EventLog:
    return EventLog(services.redis)


def _workers(services: Annotated[Services, Depends(_services)]) -> WorkerRegistry:
    return services.workers


CurrentSettings = Annotated[Settings, Depends(_settings)]
Jobs = Annotated[JobService, Depends(_jobs)]
CurrentBlockingCall = Annotated[BlockingCall, Depends(_blocking_call)]
Feeds = Annotated[EventFeeds, Depends(_feeds)]
CurrentWaiter = Annotated[Waiter, Depends(_waiter)]
Workers = Annotated[WorkerRegistry, Depends(_workers)]
CurrentEventLog = Annotated[EventLog, Depends(_event_log)]
CurrentLiveModels = Annotated[LiveModels, Depends(_live_models)]
CurrentSeries = Annotated[Series, Depends(_series)]
