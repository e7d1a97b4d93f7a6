import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from fakeredis import FakeRedis, FakeServer
from redis import Redis
from starlette.concurrency import run_in_threadpool

from api.changes import Changes
from api.event_feed import EventFeeds, Place
from shared.event_log import EventLog
from shared.job_events import EventType, JobEvent
from shared.job_parts import JobState
from shared.job_store import EVENTS_KEPT, JobStore
from shared.keys import CHANGES_CHANNEL
from tests.support.builders import (
    OTHER_TOKEN,
    STEPS,
    TOKEN,
    bring_to,
    claim_job,
    make_result,
    store_job,
)
from tests.support.followers import following
from tests.support.pipelines import PaintsOnCommand
from tests.support.runners import make_runner
from tests.support.services import make_feeds, make_views
from tests.unit.eventually import PATIENCE_SECONDS, eventually
from tests.unit.failing_redis import FailingRedis

pytestmark = pytest.mark.anyio

NOW = 1000.0
MANY = 20


class WatchedLog(EventLog):
    """Remembers of which jobs it was read, and breaks where it is told to."""

    error: Exception | None = None

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis)
        self.reads: list[str] = []

    def after(self, job_id: str, number: int) -> list[JobEvent]:
        self.reads.append(job_id)
        error, self.error = self.error, None
        if error is not None:
            raise error
        return super().after(job_id, number)


@pytest.fixture
def store(redis: Redis) -> JobStore:
    return make_store(redis)


@pytest.fixture
def log(redis: Redis) -> WatchedLog:
    return WatchedLog(redis)


@pytest.fixture
def feeds(redis: Redis, store: JobStore, log: WatchedLog) -> EventFeeds:
    return make_feeds(redis, store, log)


def make_store(redis: Redis, *, events_kept: int = EVENTS_KEPT) -> JobStore:
    return JobStore(redis, result_ttl=60, lease_seconds=15, events_kept=events_kept)


@asynccontextmanager
async def listening(
    feeds: EventFeeds, redis: Redis, redis_url: str
) -> AsyncIterator[asyncio.Task[None]]:
    """Run a subscription for the feeds, from the moment that Redis knows of it."""
    task = asyncio.create_task(Changes(redis_url, [feeds]).run())
    try:
        await soon(lambda: subscribers(redis) > 0)
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def soon(look: Callable[[], bool]) -> None:
    await run_in_threadpool(lambda: eventually(look, until=bool))


def subscribers(redis: Redis) -> int:
    ((_, count),) = redis.pubsub_numsub(CHANGES_CHANNEL)
    return int(count)


async def tasks_are(expected: set[asyncio.Task[object]]) -> None:
    """Wait until no other task is left."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while left := asyncio.all_tasks() - expected:
            await asyncio.wait(left)


def advance(store: JobStore, step: int, token: str = TOKEN) -> None:
    store.hold("a", lambda job, _: job.advance(token, step))


def cancel(store: JobStore, job_id: str = "a") -> None:
    store.update(job_id, lambda job, now: job.cancel(now))


def succeed(store: JobStore, token: str = TOKEN) -> None:
    store.update("a", lambda job, now: job.succeed(token, make_result(), now))


def live(store: JobStore) -> None:
    """Lead a job through five events: queued, started, two steps, succeeded."""
    bring_to(store, JobState.RUNNING, "a", total=2)
    for step in (1, 2):
        advance(store, step)
    succeed(store)


async def all_of(feeds: EventFeeds, *, after: int = 0, previews: bool = False) -> list[JobEvent]:
    """Follow a job that has ended."""
    async with following(feeds, after=after, previews=previews) as follower:
        await follower.end()
    return follower.heard


class TestPlace:
    @pytest.mark.parametrize(
        ("told", "seen", "is_news"),
        [
            (None, Place(3, 10, NOW), True),
            (Place(3, 10, NOW), Place(2, 10, NOW), True),
            (Place(3, 10, NOW), Place(3, 10, NOW), False),
            (Place(3, None, NOW), Place(3, None, NOW), False),
            (Place(3, None, NOW), Place(3, 10, NOW), True),
            (Place(3, 10, NOW), Place(3, None, NOW), True),
            (Place(3, 10, NOW), Place(3, 11, NOW), False),
            (Place(3, 10, NOW), Place(3, 11.1, NOW), True),
            (Place(3, 10, NOW), Place(3, 8.9, NOW), True),
            (Place(3, 100, NOW), Place(3, 109, NOW), False),
            (Place(3, 100, NOW), Place(3, 111, NOW), True),
            (Place(3, 10, NOW), Place(3, 4, NOW + 6), False),
            (Place(3, 10, NOW), Place(3, 10, NOW + 6), True),
            (Place(3, 10, NOW), Place(3, 0, NOW + 60), False),
            (Place(3, 10, NOW), Place(3, 2, NOW + 60), True),
        ],
    )
    def test_is_news_beyond_the_time_gone_by_and_some_noise(
        self, *, told: Place | None, seen: Place, is_news: bool
    ) -> None:
        assert seen.is_news_after(told) is is_news


class TestFollow:
    async def test_tells_the_whole_life_of_a_job_as_it_goes(
        self, feeds: EventFeeds, store: JobStore, redis: Redis, redis_url: str
    ) -> None:
        store_job(store, "a")
        pipeline = PaintsOnCommand()
        async with listening(feeds, redis, redis_url), following(feeds) as follower:
            await follower.hears(EventType.QUEUED)
            painting = asyncio.create_task(run_in_threadpool(make_runner(redis, pipeline).run, "a"))
            await follower.hears(EventType.STARTED)
            for step in range(1, STEPS + 1):
                pipeline.go_on()
                await follower.hears(EventType.STEP, times=step)
            pipeline.go_on()
            await follower.end()
            await painting
        types = ["queued", "started", *["step"] * STEPS, "succeeded"]
        assert follower.kept == list(enumerate(types, start=1))
        steps = [event.data["step"] for event in follower.heard if event.type is EventType.STEP]
        assert steps == list(range(1, STEPS + 1))

    @pytest.mark.parametrize("after", range(6))
    async def test_goes_on_after_any_event_without_a_gap_or_a_repeat(
        self, feeds: EventFeeds, store: JobStore, after: int
    ) -> None:
        live(store)
        heard = await all_of(feeds, after=after)
        assert [event.number for event in heard] == list(range(after + 1, 6))

    async def test_goes_on_where_a_follower_has_left(
        self, feeds: EventFeeds, store: JobStore, redis: Redis, redis_url: str
    ) -> None:
        bring_to(store, JobState.RUNNING, "a", total=2)
        async with listening(feeds, redis, redis_url):
            async with following(feeds) as first:
                advance(store, 1)
                await first.hears(EventType.STEP)
            advance(store, 2)
            last, _ = first.kept[-1]
            async with following(feeds, after=last) as second:
                await second.hears(EventType.STEP)
                succeed(store)
                await second.end()
        types = ["queued", "started", "step", "step", "succeeded"]
        assert first.kept + second.kept == list(enumerate(types, start=1))

    async def test_tells_those_who_come_later_what_was_told_before(
        self, feeds: EventFeeds, store: JobStore, redis: Redis, redis_url: str
    ) -> None:
        bring_to(store, JobState.RUNNING, "a", total=0)
        async with listening(feeds, redis, redis_url), following(feeds) as first:
            await first.hears(EventType.STARTED)
            async with following(feeds) as second:
                await second.hears(EventType.STARTED)
                succeed(store)
                for follower in (first, second):
                    await follower.end()
        assert first.heard == second.heard
        assert first.kept == [(1, "queued"), (2, "started"), (3, "succeeded")]

    @pytest.mark.parametrize("state", [state for state in JobState if state.is_final])
    async def test_ends_with_the_whole_job(
        self, feeds: EventFeeds, redis: Redis, store: JobStore, state: JobState
    ) -> None:
        job = bring_to(store, state, "a")
        last = (await all_of(feeds))[-1]
        assert last.type == state.value
        assert last.data == make_views(redis, store).of(job).model_dump(mode="json")

    async def test_tells_how_a_cancel_comes_about(self, feeds: EventFeeds, store: JobStore) -> None:
        bring_to(store, JobState.CANCELED, "a")
        heard = await all_of(feeds)
        assert [(event.type, event.data) for event in heard[2:3]] == [
            (EventType.CANCELING, {"step": 0, "total": STEPS})
        ]

    async def test_tells_of_a_lost_worker_and_starts_from_the_first_step_again(
        self, feeds: EventFeeds, store: JobStore, redis: Redis, redis_url: str
    ) -> None:
        bring_to(store, JobState.RUNNING, "a")
        async with listening(feeds, redis, redis_url), following(feeds) as follower:
            for step in (1, 2):
                advance(store, step)
            await follower.hears(EventType.STEP, times=2)
            store.update("a", lambda job, now: job.lose_worker(3, now))
            await follower.hears(EventType.QUEUED, times=2)
            claim_job(store, "a", OTHER_TOKEN)
            advance(store, 1, OTHER_TOKEN)
            succeed(store, OTHER_TOKEN)
            await follower.end()
        told = [(event.type, event.data) for event in follower.heard]
        no_estimate = {"eta_seconds": None}
        first_step, second_step = (
            {"step": step, "total": STEPS, "fraction": round(step / (STEPS + 1), 4), **no_estimate}
            for step in (1, 2)
        )
        assert told[:7] == [
            (EventType.QUEUED, {"position": None, **no_estimate}),
            (EventType.STARTED, {"attempt": 1, **no_estimate}),
            (EventType.STEP, first_step),
            (EventType.STEP, second_step),
            (EventType.QUEUED, {"position": 0, **no_estimate}),
            (EventType.STARTED, {"attempt": 2, **no_estimate}),
            (EventType.STEP, first_step),
        ]


class TestGap:
    @pytest.mark.parametrize(
        ("after", "missed"),
        [
            (0, {"missed_from": 1, "missed_to": 3}),
            (1, {"missed_from": 2, "missed_to": 3}),
            (2, {"missed_from": 3, "missed_to": 3}),
        ],
    )
    async def test_says_which_events_are_not_kept_any_more(
        self, feeds: EventFeeds, redis: Redis, *, after: int, missed: dict[str, int]
    ) -> None:
        live(make_store(redis, events_kept=2))
        gap, *kept = await all_of(feeds, after=after)
        assert gap == JobEvent(type=EventType.GAP, data=dict(missed))
        assert [event.number for event in kept] == [4, 5]

    @pytest.mark.parametrize("after", [3, 4])
    async def test_is_not_said_where_nothing_is_missed(
        self, feeds: EventFeeds, redis: Redis, after: int
    ) -> None:
        live(make_store(redis, events_kept=2))
        heard = await all_of(feeds, after=after)
        assert [event.number for event in heard] == list(range(after + 1, 6))


class TestQueue:
    async def test_is_told_with_the_place_of_the_job(
        self, feeds: EventFeeds, store: JobStore
    ) -> None:
        for job_id in ("b", "a"):
            store_job(store, job_id)
        async with following(feeds) as follower:
            await follower.hears(EventType.QUEUED)
        place = {"position": 1, "eta_seconds": None}
        assert follower.heard == [JobEvent(type=EventType.QUEUED, data=dict(place), number=1)]

    async def test_is_told_again_without_a_number_when_it_moves(
        self, feeds: EventFeeds, store: JobStore
    ) -> None:
        for job_id in ("b", "a"):
            store_job(store, job_id)
        async with following(feeds) as follower:
            await follower.hears(EventType.QUEUED)
            cancel(store, "b")
            await follower.hears(EventType.QUEUED, times=2)
        assert [(event.number, event.data["position"]) for event in follower.heard] == [
            (1, 1),
            (None, 0),
        ]

    async def test_is_told_at_once_to_those_who_come_back(
        self, feeds: EventFeeds, store: JobStore
    ) -> None:
        store_job(store, "a")
        async with following(feeds, after=1) as follower:
            await follower.hears(EventType.QUEUED)
        place = {"position": 0, "eta_seconds": None}
        assert follower.heard == [JobEvent(type=EventType.QUEUED, data=dict(place))]

    async def test_is_not_told_again_while_it_stands(
        self, feeds: EventFeeds, store: JobStore, log: WatchedLog
    ) -> None:
        store_job(store, "a")
        async with following(feeds) as follower:
            await follower.hears(EventType.QUEUED)
            for _ in range(3):
                log.reads.clear()
                await feeds.sweep()
                await soon(lambda: bool(log.reads))
            cancel(store)
            await feeds.sweep()
            await follower.end()
        assert follower.types == [EventType.QUEUED, EventType.CANCELED]


class TestPreviews:
    async def test_are_told_to_those_alone_who_asked(
        self, feeds: EventFeeds, store: JobStore, log: WatchedLog
    ) -> None:
        bring_to(store, JobState.RUNNING, "a", total=0)
        log.show("a", TOKEN, JobEvent(type=EventType.PREVIEW, data={"step": 1}))
        succeed(store)
        with_previews, without = [
            [event.number for event in await all_of(feeds, previews=previews)]
            for previews in (True, False)
        ]
        assert with_previews == [1, 2, 3, 4]
        assert without == [1, 2, 4]

    async def test_come_from_the_attempt_while_somebody_looks(
        self, feeds: EventFeeds, store: JobStore, redis: Redis, redis_url: str
    ) -> None:
        store_job(store, "a")
        pipeline = PaintsOnCommand()
        async with (
            listening(feeds, redis, redis_url),
            following(feeds, previews=True) as looking,
            following(feeds) as other,
        ):
            await looking.hears(EventType.QUEUED)
            painting = asyncio.create_task(run_in_threadpool(make_runner(redis, pipeline).run, "a"))
            for step in range(1, STEPS + 1):
                pipeline.go_on()
                await looking.hears(EventType.STEP, times=step)
            pipeline.go_on()
            for follower in (looking, other):
                await follower.end()
            await painting
        assert EventType.PREVIEW in looking.types
        assert [event for event in looking.kept if event[1] != "preview"] == other.kept

    async def test_are_asked_for_while_somebody_wants_them(
        self, feeds: EventFeeds, store: JobStore, log: WatchedLog
    ) -> None:
        bring_to(store, JobState.RUNNING, "a")
        async with following(feeds) as follower:
            await follower.hears(EventType.STARTED)
            assert not log.wants_previews("a")
            async with following(feeds, previews=True):
                await soon(lambda: log.wants_previews("a"))


class TestReader:
    async def test_is_one_for_all_who_follow_a_job(
        self, feeds: EventFeeds, store: JobStore, log: WatchedLog
    ) -> None:
        bring_to(store, JobState.RUNNING, "a")
        async with AsyncExitStack() as stack:
            followers = [await stack.enter_async_context(following(feeds)) for _ in range(MANY)]
            for follower in followers:
                await follower.hears(EventType.STARTED)
            assert len(log.reads) <= 2  # Some may have come while it read.
            log.reads.clear()
            succeed(store)
            feeds.changed("a", "succeeded")
            for follower in followers:
                await follower.end()
            assert log.reads == ["a"]

    async def test_is_not_woken_by_another_job(
        self, feeds: EventFeeds, store: JobStore, log: WatchedLog
    ) -> None:
        for job_id in ("a", "b"):
            bring_to(store, JobState.RUNNING, job_id)
        async with following(feeds, "a") as follower, following(feeds, "b") as other:
            for each in (follower, other):
                await each.hears(EventType.STARTED)
            log.reads.clear()
            cancel(store, "b")
            feeds.changed("b", "canceling")
            await other.hears(EventType.CANCELING)
        assert set(log.reads) == {"b"}

    async def test_stops_with_the_last_who_follows(
        self, feeds: EventFeeds, store: JobStore
    ) -> None:
        bring_to(store, JobState.RUNNING, "a")
        tasks = asyncio.all_tasks()
        async with following(feeds) as last:
            async with following(feeds) as first:
                await first.hears(EventType.STARTED)
            advance(store, 1)
            feeds.changed("a", "running")
            await last.hears(EventType.STEP)
        await tasks_are(tasks)

    async def test_stops_with_the_job(self, feeds: EventFeeds, store: JobStore) -> None:
        tasks = asyncio.all_tasks()
        live(store)
        await all_of(feeds)
        await tasks_are(tasks)

    async def test_outlives_an_error_that_nobody_foresaw(
        self, feeds: EventFeeds, store: JobStore, log: WatchedLog
    ) -> None:
        bring_to(store, JobState.RUNNING, "a")
        log.error = ValueError("not JSON")
        async with following(feeds) as follower:
            await soon(lambda: log.error is None)
            await feeds.sweep()
            await follower.hears(EventType.STARTED)


class TestVanishedJob:
    @pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
    async def test_ends_the_stream(
        self, feeds: EventFeeds, store: JobStore, redis: Redis, state: JobState
    ) -> None:
        bring_to(store, state, "a")
        async with following(feeds) as follower:
            await follower.hears(EventType.QUEUED)
            redis.flushdb()
            await feeds.sweep()
            await follower.end()
        assert not any(event.type.is_final for event in follower.heard)

    async def test_is_told_to_have_ended_where_only_its_record_has_expired(
        self, feeds: EventFeeds, store: JobStore, redis: Redis
    ) -> None:
        bring_to(store, JobState.SUCCEEDED, "a", total=0)
        redis.delete("semantic-bit:job:a")
        last = (await all_of(feeds))[-1]
        assert last == JobEvent(type=EventType.SUCCEEDED, data={}, number=3)


class TestStop:
    async def test_ends_every_stream(self, feeds: EventFeeds, store: JobStore) -> None:
        for job_id in ("a", "b"):
            bring_to(store, JobState.RUNNING, job_id)
        tasks = asyncio.all_tasks()
        async with following(feeds, "a") as first, following(feeds, "b") as second:
            for follower in (first, second):
                await follower.hears(EventType.STARTED)
            feeds.stop()
            for follower in (first, second):
                await follower.end()
        await tasks_are(tasks)

    async def test_ends_the_streams_too_that_come_later(
        self, feeds: EventFeeds, store: JobStore
    ) -> None:
        bring_to(store, JobState.RUNNING, "a")
        feeds.stop()
        assert await all_of(feeds) == []


class TestMomentWithoutRedis:
    @pytest.fixture
    def failing(self) -> FailingRedis:
        return FailingRedis(server=FakeServer())

    @pytest.fixture
    def feeds(self, failing: FailingRedis) -> EventFeeds:
        return make_feeds(failing, make_store(failing))

    @pytest.fixture
    def store(self, failing: FailingRedis) -> JobStore:
        return make_store(FakeRedis(connection_pool=failing.connection_pool))

    @pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
    async def test_does_not_end_a_stream(
        self, feeds: EventFeeds, failing: FailingRedis, *, store: JobStore, state: JobState
    ) -> None:
        bring_to(store, state, "a")
        async with following(feeds) as follower:
            await follower.hears(EventType.QUEUED)
            await self.pass_over(feeds, failing)
            cancel(store)
            await feeds.sweep()
            await follower.hears(
                EventType.CANCELED if state is JobState.QUEUED else EventType.CANCELING
            )

    async def test_does_not_keep_a_stream_from_beginning(
        self, feeds: EventFeeds, failing: FailingRedis, store: JobStore
    ) -> None:
        bring_to(store, JobState.SUCCEEDED, "a", total=0)
        failing.failures = 1
        async with following(feeds) as follower:
            await soon(lambda: failing.failures == 0)
            await feeds.sweep()
            await follower.end()
        assert follower.kept == [(1, "queued"), (2, "started"), (3, "succeeded")]

    async def pass_over(self, feeds: EventFeeds, failing: FailingRedis) -> None:
        for _ in range(3):
            failing.failures = 1
            await feeds.sweep()
            await soon(lambda: failing.failures == 0)


class TestLostMessage:
    async def test_is_made_good_by_a_sweep(
        self, feeds: EventFeeds, store: JobStore, redis: Redis, redis_url: str
    ) -> None:
        bring_to(store, JobState.RUNNING, "a")
        async with following(feeds) as follower:
            await follower.hears(EventType.STARTED)
            succeed(store)
            async with listening(feeds, redis, redis_url):
                await follower.end()
        assert follower.types[-1] is EventType.SUCCEEDED

    async def test_is_made_good_when_the_connection_broke(
        self, feeds: EventFeeds, store: JobStore, redis: Redis, redis_url: str
    ) -> None:
        bring_to(store, JobState.RUNNING, "a")
        async with listening(feeds, redis, redis_url), following(feeds) as follower:
            await follower.hears(EventType.STARTED)
            redis.client_kill_filter(_type="pubsub")
            succeed(store)
            await follower.end()
        assert follower.types[-1] is EventType.SUCCEEDED
