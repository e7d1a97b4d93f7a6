"""What routes ask for, and the one place that picks the implementations behind it."""

from dataclasses import dataclass
from math import ceil
from typing import Annotated, Self, cast

from fastapi import Depends, Request
from redis import Redis

from api.audience import Audience
from api.blocking_call import BlockingCall
from api.broker_watch import BrokerWatch
from api.job_service import JobService
from api.waiter import Waiter
from shared.errors import BrokerUnavailable
from shared.image_store import ImageStore
from shared.job_queue import JobQueue, create_celery
from shared.job_store import JobStore
from shared.redis_client import API_TIMEOUT_SECONDS, connect
from shared.settings import Settings
from shared.throughput import Throughput
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
    waiter: Waiter
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
        jobs = JobService(
            store=store,
            images=ImageStore(redis, result_ttl=settings.result_ttl),
            queue=queue,
            workers=workers,
            throughput=Throughput(redis),
            defaults=settings.generation_defaults,
            limit=settings.max_concurrent_requests,
        )
        waiter = Waiter(settings.redis_url, store)
        blocking_call = BlockingCall(
            jobs,
            waiter,
            Audience(redis, ttl_seconds=_lifetime_seconds(settings)),
            timeout_seconds=settings.request_timeout,
        )
        broker = BrokerWatch(settings.redis_url)
        return cls(settings, redis, store, queue, workers, jobs, waiter, blocking_call, broker)


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


def _blocking_call(services: Annotated[Services, Depends(_services)]) -> BlockingCall:
    return services.blocking_call


def _workers(services: Annotated[Services, Depends(_services)]) -> WorkerRegistry:
    return services.workers


CurrentSettings = Annotated[Settings, Depends(_settings)]
Jobs = Annotated[JobService, Depends(_jobs)]
CurrentBlockingCall = Annotated[BlockingCall, Depends(_blocking_call)]
CurrentWaiter = Annotated[Waiter, Depends(_waiter)]
Workers = Annotated[WorkerRegistry, Depends(_workers)]
