import asyncio

import pytest
from fastapi import Request
from redis import Redis
from starlette.types import Message

from api.audience import Audience
from api.blocking_call import BlockingCall, ClientDisconnected
from api.waiter import Waiter
from shared.job_parts import CancelReason, JobState
from shared.job_queue import JobQueue, create_celery
from shared.job_store import JobStore
from shared.jobs import Job
from tests.support.builders import LIMIT, make_request
from tests.support.services import make_job_service

NOWHERE = "redis://127.0.0.1:1/0"


async def _disconnect() -> Message:
    return {"type": "http.disconnect"}


GONE = Request({"type": "http"}, receive=_disconnect)


@pytest.fixture
def store(fake_redis: Redis) -> JobStore:
    return JobStore(fake_redis, result_ttl=60, lease_seconds=15)


@pytest.fixture
def job(store: JobStore) -> Job:
    """A job that came with an idempotency key, so that several calls can wait for it."""
    job = Job.queued("a", make_request(), store.now(), idempotency="key")
    store.add(job, limit=LIMIT)
    return job


@pytest.fixture
def call(fake_redis: Redis, store: JobStore) -> BlockingCall:
    jobs = make_job_service(fake_redis, store, JobQueue(create_celery(NOWHERE), fake_redis))
    audience = Audience(fake_redis, ttl_seconds=60)
    return BlockingCall(jobs, Waiter(store), audience, timeout_seconds=60)


async def leave(call: BlockingCall, job: Job, *, cancel_if_left: bool = True) -> None:
    with pytest.raises(ClientDisconnected):
        await call.wait(job, GONE, cancel_if_left=cancel_if_left)


@pytest.mark.anyio
class TestLeaving:
    async def test_of_all_at_the_same_moment_cancels_the_job(
        self, call: BlockingCall, store: JobStore, job: Job
    ) -> None:
        await asyncio.gather(*(leave(call, job) for _ in range(8)))
        ended = store.get("a")
        assert ended.cancellation is not None
        assert ended.cancellation.reason is CancelReason.CLIENT_DISCONNECTED

    async def test_of_one_who_keeps_the_job_lets_it_go_on_whoever_leaves_later(
        self, call: BlockingCall, store: JobStore, job: Job
    ) -> None:
        await leave(call, job, cancel_if_left=False)
        await leave(call, job)
        assert store.get("a").state is JobState.QUEUED

    async def test_of_all_who_wait_does_not_touch_a_job_that_was_submitted(
        self, call: BlockingCall, store: JobStore, job: Job
    ) -> None:
        call.keep(job)
        await asyncio.gather(*(leave(call, job) for _ in range(3)))
        assert store.get("a").state is JobState.QUEUED
