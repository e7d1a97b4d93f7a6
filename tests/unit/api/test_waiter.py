import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from threading import Event
from typing import TypeVar

import pytest
from redis import Redis
from starlette.concurrency import run_in_threadpool

from api.changes import Changes
from api.waiter import Waiter
from shared.errors import JobExpired, JobNotFound, ServerStopping
from shared.job_parts import JobState
from shared.job_store import JobStore
from shared.jobs import Job
from shared.keys import CHANGES_CHANNEL, ENDS_CHANNEL
from tests.support.builders import TOKEN, bring_to, claim_job, job_in, make_result, store_job
from tests.unit.eventually import PATIENCE_SECONDS, eventually

pytestmark = pytest.mark.anyio

Answer = TypeVar("Answer")
FINAL = [state for state in JobState if state.is_final]


class WatchedStore(JobStore):
    """Tells when a record was read, and which were read together."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis, result_ttl=60, lease_seconds=15)
        self.was_read = Event()
        self.reads: list[str] = []
        self.read_together: list[list[str]] = []

    def get(self, job_id: str) -> Job:
        self.reads.append(job_id)
        job = super().get(job_id)
        self.was_read.set()
        return job

    def get_many(self, job_ids: Sequence[str]) -> list[Job | None]:
        self.read_together.append(list(job_ids))
        return super().get_many(job_ids)


@pytest.fixture
def store(redis: Redis) -> WatchedStore:
    return WatchedStore(redis)


@pytest.fixture
def waiter(store: WatchedStore) -> Waiter:
    return Waiter(store)


@asynccontextmanager
async def listening(
    waiter: Waiter, redis: Redis, redis_url: str
) -> AsyncIterator[asyncio.Task[None]]:
    """Run a subscription for the waiter, from the moment that Redis knows of it."""
    before = subscribers(redis)
    task = asyncio.create_task(Changes(redis_url, [waiter]).run())
    try:
        await soon(lambda: subscribers(redis), until=lambda count: count > before)
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def waiting(
    waiter: Waiter, store: WatchedStore, job_id: str
) -> AsyncIterator[asyncio.Task[Job]]:
    """Wait for a job, from the moment that its record was read and had not ended."""
    store.was_read.clear()
    task = asyncio.create_task(waiter.wait(job_id))
    try:
        assert await run_in_threadpool(store.was_read.wait, PATIENCE_SECONDS)
        yield task
    finally:
        task.cancel()


async def soon(look: Callable[[], Answer], *, until: Callable[[Answer], bool]) -> Answer:
    return await run_in_threadpool(lambda: eventually(look, until=until))


async def end_of(task: asyncio.Task[Job]) -> Job:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await task


def subscribers(redis: Redis) -> int:
    ((_, count),) = redis.pubsub_numsub(CHANGES_CHANNEL)
    return int(count)


def finish(store: JobStore, job_id: str = "a") -> Job:
    claim_job(store, job_id)
    return store.update(job_id, lambda job, now: job.succeed(TOKEN, make_result(), now))


def finish_silently(redis: Redis, job_id: str = "a") -> Job:
    """End a job so that its message is lost."""
    ended = job_in(JobState.SUCCEEDED, job_id)
    redis.set(f"semantic-bit:job:{job_id}", ended.model_dump_json())
    return ended


class TestWait:
    @pytest.mark.parametrize("state", FINAL)
    async def test_ends_at_once_where_the_job_has_ended(
        self, waiter: Waiter, store: WatchedStore, state: JobState
    ) -> None:
        ended = bring_to(store, state, "a")
        assert await waiter.wait("a") == ended

    async def test_says_that_a_job_was_never_there(self, waiter: Waiter) -> None:
        with pytest.raises(JobNotFound):
            await waiter.wait("never")

    async def test_is_woken_by_the_channel(
        self, waiter: Waiter, store: WatchedStore, redis: Redis, redis_url: str
    ) -> None:
        store_job(store, "a")
        async with listening(waiter, redis, redis_url), waiting(waiter, store, "a") as task:
            assert finish(store) == await end_of(task)

    async def test_is_given_the_end_with_the_message_and_reads_no_record_again(
        self, waiter: Waiter, store: WatchedStore, redis: Redis, redis_url: str
    ) -> None:
        store_job(store, "a")
        async with listening(waiter, redis, redis_url), waiting(waiter, store, "a") as task:
            assert finish(store) == await end_of(task)
        assert store.reads == ["a"]

    async def test_reads_the_record_where_the_message_has_none_that_it_understands(
        self, waiter: Waiter, store: WatchedStore, redis: Redis, redis_url: str
    ) -> None:
        store_job(store, "a")
        async with listening(waiter, redis, redis_url), waiting(waiter, store, "a") as task:
            ended = finish_silently(redis)
            redis.publish(ENDS_CHANNEL, "a {}")
            assert await end_of(task) == ended

    async def test_is_woken_neither_by_another_job_nor_by_a_step(
        self, waiter: Waiter, store: WatchedStore, redis: Redis, redis_url: str
    ) -> None:
        store_job(store, "a")
        store_job(store, "b")
        async with (
            listening(waiter, redis, redis_url),
            waiting(waiter, store, "a") as task,
            waiting(waiter, store, "b") as other,
        ):
            claim_job(store, "a")
            store.update("a", lambda job, _: job.advance(TOKEN, 1))
            ended = finish(store, "b")
            assert await end_of(other) == ended
            assert not task.done()
        assert store.reads.count("a") == 1

    async def test_wakes_all_who_wait_for_the_same_job(
        self, waiter: Waiter, store: WatchedStore, redis: Redis, redis_url: str
    ) -> None:
        store_job(store, "a")
        async with (
            listening(waiter, redis, redis_url),
            waiting(waiter, store, "a") as first,
            waiting(waiter, store, "a") as second,
        ):
            ended = finish(store)
            assert [await end_of(first), await end_of(second)] == [ended, ended]

    async def test_says_that_a_job_has_expired_meanwhile(
        self, waiter: Waiter, store: WatchedStore, redis: Redis, redis_url: str
    ) -> None:
        store_job(store, "a")
        async with waiting(waiter, store, "a") as task:
            finish(store)
            redis.delete("semantic-bit:job:a")
            async with listening(waiter, redis, redis_url):
                with pytest.raises(JobExpired):
                    await end_of(task)


class TestLostMessage:
    async def test_is_made_good_when_the_subscription_begins(
        self, waiter: Waiter, store: WatchedStore, redis: Redis, redis_url: str
    ) -> None:
        store_job(store, "a")
        async with waiting(waiter, store, "a") as task:
            ended = finish(store)
            async with listening(waiter, redis, redis_url):
                assert await end_of(task) == ended

    async def test_is_made_good_when_the_connection_broke(
        self, waiter: Waiter, store: WatchedStore, redis: Redis, redis_url: str
    ) -> None:
        store_job(store, "a")
        async with listening(waiter, redis, redis_url), waiting(waiter, store, "a") as task:
            ended = finish_silently(redis)
            redis.client_kill_filter(_type="pubsub")
            assert await end_of(task) == ended

    async def test_is_made_good_by_a_sweep(
        self, waiter: Waiter, store: WatchedStore, redis: Redis, redis_url: str
    ) -> None:
        store_job(store, "a")
        async with listening(waiter, redis, redis_url), waiting(waiter, store, "a") as task:
            ended = finish_silently(redis)
            assert await end_of(task) == ended


class TestForeignMessage:
    @pytest.mark.parametrize("message", [b"hello", b"a paused", b"\xff", b"a b c"])
    async def test_does_not_end_the_listening(
        self, waiter: Waiter, store: WatchedStore, redis: Redis, *, redis_url: str, message: bytes
    ) -> None:
        store_job(store, "a")
        async with (
            listening(waiter, redis, redis_url) as listener,
            waiting(waiter, store, "a") as task,
        ):
            redis.publish(CHANGES_CHANNEL, message)
            finish(store)
            await asyncio.wait(
                {listener, task}, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            assert (listener.done(), task.done()) == (False, True)


class TestStop:
    async def test_tells_everybody_who_waits_that_the_server_stops(
        self, waiter: Waiter, store: WatchedStore
    ) -> None:
        store_job(store, "a")
        async with waiting(waiter, store, "a") as first, waiting(waiter, store, "a") as second:
            waiter.stop()
            for task in (first, second):
                with pytest.raises(ServerStopping, match="job a goes on"):
                    await end_of(task)

    async def test_tells_those_too_who_come_later(
        self, waiter: Waiter, store: WatchedStore
    ) -> None:
        store_job(store, "a")
        waiter.stop()
        with pytest.raises(ServerStopping):
            await waiter.wait("a")

    async def test_still_gives_a_job_that_has_ended(
        self, waiter: Waiter, store: WatchedStore
    ) -> None:
        ended = bring_to(store, JobState.SUCCEEDED, "a")
        waiter.stop()
        assert await waiter.wait("a") == ended


class TestRegistration:
    async def test_is_gone_with_those_who_waited(
        self, waiter: Waiter, store: WatchedStore, redis: Redis, redis_url: str
    ) -> None:
        for job_id in ("given-up", "still-waited-for"):
            store_job(store, job_id)
        async with waiting(waiter, store, "given-up") as task:
            task.cancel()
        bring_to(store, JobState.FAILED, "found-ended")
        await waiter.wait("found-ended")
        with pytest.raises(JobNotFound):
            await waiter.wait("never")
        async with waiting(waiter, store, "still-waited-for"), listening(waiter, redis, redis_url):
            await soon(lambda: store.read_together, until=bool)
        assert store.read_together[0] == ["still-waited-for"]
