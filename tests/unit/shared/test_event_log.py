from collections.abc import Callable

import pytest
from fakeredis import FakeRedis, FakeServer
from redis import Redis

from shared.event_log import EventLog
from shared.job_events import EventType, JobEvent
from shared.job_parts import JobState
from shared.job_store import EVENTS_KEPT, JobStore
from tests.support.builders import (
    FAILURE,
    OTHER_TOKEN,
    TOKEN,
    bring_to,
    claim_job,
    make_result,
    store_job,
)
from tests.unit.changes_channel import listen_to_changes
from tests.unit.repeating_redis import RepeatsItsScripts

RESULT_TTL = 60
RUNNING_IN_JSON = '"state":"running"'
FINAL = [state for state in JobState if state.is_final]


def make_store(redis: Redis, *, events_kept: int = EVENTS_KEPT) -> JobStore:
    return JobStore(redis, result_ttl=RESULT_TTL, lease_seconds=15, events_kept=events_kept)


@pytest.fixture
def store(any_redis: Redis) -> JobStore:
    return make_store(any_redis)


@pytest.fixture
def log(any_redis: Redis) -> EventLog:
    return EventLog(any_redis)


def preview(step: int = 1) -> JobEvent:
    return JobEvent(type=EventType.PREVIEW, data={"step": step})


def advance(store: JobStore, step: int, token: str = TOKEN) -> None:
    store.hold("a", lambda job, _: job.advance(token, step))


def succeed(store: JobStore) -> None:
    store.update("a", lambda job, now: job.succeed(TOKEN, make_result(), now))


def cancel(store: JobStore) -> None:
    store.update("a", lambda job, now: job.cancel(now))


def lose_worker(store: JobStore) -> None:
    store.update("a", lambda job, now: job.lose_worker(3, now))


def take_over(store: JobStore) -> None:
    lose_worker(store)
    claim_job(store, "a", OTHER_TOKEN)


def live(store: JobStore, log: EventLog) -> None:
    """Lead a job through everything that can be told of one that succeeds."""
    store_job(store, "a", total=1)
    claim_job(store, "a")
    advance(store, 1)
    log.show("a", TOKEN, preview())
    succeed(store)


def numbered(log: EventLog, job_id: str = "a") -> list[tuple[int | None, str]]:
    return [(event.number, event.type.value) for event in log.after(job_id, 0)]


def numbers_of(log: EventLog, *, after: int = 0) -> list[int | None]:
    return [event.number for event in log.after("a", after)]


class TestNumbers:
    def test_start_at_one_and_go_up_by_one_whatever_happens(
        self, store: JobStore, log: EventLog
    ) -> None:
        live(store, log)
        assert numbered(log) == [
            (1, "queued"),
            (2, "started"),
            (3, "step"),
            (4, "preview"),
            (5, "succeeded"),
        ]

    def test_go_on_over_a_lost_worker(self, store: JobStore, log: EventLog) -> None:
        bring_to(store, JobState.RUNNING, "a")
        take_over(store)
        advance(store, 1, OTHER_TOKEN)
        assert numbered(log) == [
            (1, "queued"),
            (2, "started"),
            (3, "queued"),
            (4, "started"),
            (5, "step"),
        ]

    def test_are_each_jobs_own(self, store: JobStore, log: EventLog) -> None:
        for job_id in ("a", "b"):
            bring_to(store, JobState.RUNNING, job_id)
        assert [numbered(log, job_id) for job_id in ("a", "b")] == [
            [(1, "queued"), (2, "started")],
            [(1, "queued"), (2, "started")],
        ]

    def test_are_taken_by_no_write_that_only_renews_the_lease(
        self, store: JobStore, log: EventLog
    ) -> None:
        bring_to(store, JobState.RUNNING, "a")
        for step in (0, 0, 1):
            advance(store, step)
        assert numbered(log) == [(1, "queued"), (2, "started"), (3, "step")]


class TestAfter:
    @pytest.mark.parametrize(
        ("number", "left"), [(0, [1, 2, 3, 4, 5]), (2, [3, 4, 5]), (4, [5]), (5, []), (99, [])]
    )
    def test_gives_what_came_later(
        self, store: JobStore, log: EventLog, number: int, left: list[int]
    ) -> None:
        live(store, log)
        assert numbers_of(log, after=number) == left

    def test_gives_nothing_of_a_job_that_never_was(self, log: EventLog) -> None:
        assert log.after("never", 0) == []

    def test_counts_beyond_nine(self, store: JobStore, log: EventLog) -> None:
        bring_to(store, JobState.RUNNING, "a")
        for step in range(1, 13):
            log.show("a", TOKEN, preview(step))
        assert numbers_of(log, after=8) == [9, 10, 11, 12, 13, 14]

    def test_gives_what_was_told_as_it_was_told(self, store: JobStore, log: EventLog) -> None:
        bring_to(store, JobState.RUNNING, "a")
        event = JobEvent(
            type=EventType.PREVIEW,
            data={"text": "ネコ \U0001f431 \"'\n", "number": 0.1, "nothing": None},
        )
        log.show("a", TOKEN, event)
        assert log.after("a", 2) == [event.model_copy(update={"number": 3})]


class TestHistory:
    def test_keeps_the_latest_and_counts_on(self, any_redis: Redis, log: EventLog) -> None:
        store = make_store(any_redis, events_kept=3)
        bring_to(store, JobState.RUNNING, "a")
        for step in range(1, 5):
            advance(store, step)
        assert numbered(log) == [(4, "step"), (5, "step"), (6, "step")]

    def test_keeps_no_more_of_the_previews(self, store: JobStore, log: EventLog) -> None:
        bring_to(store, JobState.RUNNING, "a")
        for step in range(EVENTS_KEPT):
            log.show("a", TOKEN, preview(step))
        assert numbers_of(log) == list(range(3, EVENTS_KEPT + 3))

    @pytest.mark.parametrize("state", FINAL)
    def test_expires_with_the_record(
        self, store: JobStore, any_redis: Redis, state: JobState
    ) -> None:
        bring_to(store, state, "a")
        record, events = (any_redis.ttl(f"semantic-bit:{kind}:a") for kind in ("job", "events"))
        assert RESULT_TTL - 5 < events <= RESULT_TTL
        assert abs(record - events) <= 1

    @pytest.mark.parametrize("state", [state for state in JobState if not state.is_final])
    def test_of_an_unfinished_job_does_not_expire(
        self, store: JobStore, any_redis: Redis, log: EventLog, state: JobState
    ) -> None:
        bring_to(store, state, "a")
        log.show("a", TOKEN, preview())
        assert any_redis.ttl("semantic-bit:events:a") == -1


class TestShow:
    @pytest.mark.parametrize(
        "happening",
        [take_over, lose_worker, cancel, succeed],
        ids=["taken over", "lost", "being canceled", "ended"],
    )
    def test_tells_nothing_of_a_job_that_is(
        self, store: JobStore, log: EventLog, happening: Callable[[JobStore], None]
    ) -> None:
        bring_to(store, JobState.RUNNING, "a")
        happening(store)
        told = numbered(log)
        log.show("a", TOKEN, preview())
        assert numbered(log) == told

    def test_brings_nothing_back_of_a_job_that_has_expired(
        self, store: JobStore, any_redis: Redis, log: EventLog
    ) -> None:
        keys = ("semantic-bit:job:a", "semantic-bit:events:a")
        bring_to(store, JobState.SUCCEEDED, "a")
        any_redis.delete(*keys)
        log.show("a", TOKEN, preview())
        assert any_redis.exists(*keys) == 0

    @pytest.mark.parametrize("happening", [cancel, succeed], ids=["being canceled", "ended"])
    def test_is_not_misled_by_a_prompt_that_says_that_it_runs(
        self, store: JobStore, log: EventLog, happening: Callable[[JobStore], None]
    ) -> None:
        store_job(store, "a", prompt=RUNNING_IN_JSON, negative_prompt=f"{{{RUNNING_IN_JSON}}}")
        claim_job(store, "a")
        happening(store)
        told = numbered(log)
        log.show("a", TOKEN, preview())
        assert numbered(log) == told

    @pytest.mark.parametrize("prompt", [TOKEN, f'"token":"{TOKEN}"'])
    def test_is_not_misled_by_a_prompt_that_has_the_token_of_a_lost_attempt(
        self, store: JobStore, log: EventLog, prompt: str
    ) -> None:
        store_job(store, "a", prompt=prompt)
        claim_job(store, "a")
        take_over(store)
        told = numbered(log)
        log.show("a", TOKEN, preview())
        assert numbered(log) == told


class TestChannel:
    def test_says_each_event(self, store: JobStore, any_redis: Redis, log: EventLog) -> None:
        said = listen_to_changes(any_redis)
        live(store, log)
        assert said() == ["a queued", "a running", "a running", "a preview", "a succeeded"]

    def test_says_nothing_of_a_preview_that_came_too_late(
        self, store: JobStore, any_redis: Redis, log: EventLog
    ) -> None:
        bring_to(store, JobState.SUCCEEDED, "a")
        said = listen_to_changes(any_redis)
        log.show("a", TOKEN, preview())
        assert said() == []


class TestLostReply:
    def test_has_nothing_told_twice(self) -> None:
        server = FakeServer()
        said = listen_to_changes(FakeRedis(server=server))
        redis = RepeatsItsScripts(server=server)
        log = EventLog(redis)
        live(make_store(redis), log)
        assert numbers_of(log) == [1, 2, 3, 4, 5]
        assert len(said()) == 5

    @pytest.mark.parametrize(
        "end",
        [
            cancel,
            lose_worker,
            lambda store: store.update("a", lambda job, now: job.fail(TOKEN, FAILURE, now)),
        ],
        ids=["canceling", "lost", "failed"],
    )
    def test_has_no_other_change_told_twice(self, end: Callable[[JobStore], object]) -> None:
        redis = RepeatsItsScripts()
        store, log = make_store(redis), EventLog(redis)
        bring_to(store, JobState.RUNNING, "a")
        end(store)
        assert numbers_of(log) == [1, 2, 3]


class TestWish:
    def test_is_not_there_before_somebody_looks(self, log: EventLog) -> None:
        assert not log.wants_previews("a")

    def test_is_for_one_job(self, log: EventLog) -> None:
        log.want_previews("a")
        assert [log.wants_previews(job_id) for job_id in ("a", "b")] == [True, False]

    def test_ends_some_seconds_after_it_was_last_said(
        self, log: EventLog, any_redis: Redis
    ) -> None:
        log.want_previews("a")
        any_redis.expire("semantic-bit:previews-wanted:a", 1)
        log.want_previews("a")
        assert 20 < any_redis.ttl("semantic-bit:previews-wanted:a") <= 30
