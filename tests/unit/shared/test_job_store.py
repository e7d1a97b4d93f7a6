from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import cast

import pytest
from fakeredis import FakeRedis, FakeServer
from redis import Redis

from shared.errors import AttemptLost, JobAlreadyTaken, JobExpired, JobNotFound, TransitionRefused
from shared.job_parts import JobState
from shared.job_store import JobStore
from shared.jobs import Job
from shared.webhook import Delivery
from tests.support.builders import (
    LIMIT,
    NOW,
    TOKEN,
    WORKER,
    bring_to,
    claim_job,
    is_admitted,
    queued_job,
    store_job,
)
from tests.unit.changes_channel import listen_to_changes
from tests.unit.repeating_redis import RepeatsItsScripts

RESULT_TTL = 60
LEASE_SECONDS = 15.0
HELD = [state for state in JobState if state.is_held]
FINAL = [state for state in JobState if state.is_final]


def make_store(redis: Redis, *, lease_seconds: float = LEASE_SECONDS) -> JobStore:
    return JobStore(redis, result_ttl=RESULT_TTL, lease_seconds=lease_seconds)


@pytest.fixture
def store(any_redis: Redis) -> JobStore:
    return make_store(any_redis)


@pytest.fixture
def changes(any_redis: Redis) -> Callable[[], list[str]]:
    """Give what the channel has said since the last look."""
    return listen_to_changes(any_redis)


class TestAdd:
    def test_keeps_a_job(self, store: JobStore) -> None:
        job = queued_job(prompt="ネコ \U0001f431")
        assert is_admitted(store, job, limit=1)
        assert store.get(job.id) == job

    def test_refuses_a_job_past_the_limit(self, store: JobStore) -> None:
        store_job(store, "a")
        assert not is_admitted(store, queued_job("b"), limit=1)
        with pytest.raises(JobNotFound):
            store.get("b")

    @pytest.mark.parametrize("state", HELD)
    def test_counts_jobs_that_are_held_against_the_limit(
        self, store: JobStore, state: JobState
    ) -> None:
        bring_to(store, state, "a")
        assert not is_admitted(store, queued_job("b"), limit=1)

    @pytest.mark.parametrize("state", FINAL)
    def test_does_not_count_jobs_that_have_ended(self, store: JobStore, state: JobState) -> None:
        bring_to(store, state, "a")
        assert is_admitted(store, queued_job("b"), limit=1)

    def test_that_is_repeated_keeps_the_job_once(
        self, store: JobStore, changes: Callable[[], list[str]]
    ) -> None:
        job = queued_job("a")
        assert [is_admitted(store, job, limit=1) for _ in range(2)] == [True, True]
        assert store.queued_ids() == ["a"]
        assert changes() == ["a queued"]

    def test_does_not_overwrite_a_job(self, store: JobStore) -> None:
        job = claim_job(store, store_job(store, "a").id)
        store.add(queued_job("a"), limit=LIMIT)
        assert store.get("a") == job

    def test_admits_exactly_the_limit_when_many_come_at_once(self, any_redis: Redis) -> None:
        start = Barrier(8)

        def submit(number: int) -> bool:
            start.wait()
            return is_admitted(make_store(any_redis), queued_job(f"job-{number}"), limit=3)

        with ThreadPoolExecutor(8) as threads:
            admitted = list(threads.map(submit, range(8)))
        assert admitted.count(True) == 3
        assert make_store(any_redis).count()[JobState.QUEUED] == 3


class TestGet:
    def test_says_that_a_job_was_never_there(self, store: JobStore) -> None:
        with pytest.raises(JobNotFound):
            store.get("never")

    @pytest.mark.parametrize("state", FINAL)
    def test_says_that_a_job_has_expired(
        self, store: JobStore, any_redis: Redis, state: JobState
    ) -> None:
        bring_to(store, state, "a")
        any_redis.delete("semantic-bit:job:a")
        with pytest.raises(JobExpired):
            store.get("a")

    def test_gives_many_in_order_and_none_for_those_that_are_not_there(
        self, store: JobStore
    ) -> None:
        first, second = store_job(store, "a"), store_job(store, "b")
        assert store.get_many(["b", "never", "a"]) == [second, None, first]

    def test_gives_none_for_no_ids(self, store: JobStore) -> None:
        assert store.get_many([]) == []


class TestUpdate:
    def test_gives_and_keeps_the_changed_job(self, store: JobStore) -> None:
        store_job(store, "a")
        claimed = claim_job(store, "a")
        assert (claimed.state, claimed.token) == (JobState.RUNNING, TOKEN)
        assert store.get("a") == claimed

    def test_tells_the_transition_redis_own_time(self, store: JobStore) -> None:
        store_job(store, "a")
        before = store.now()
        claimed = claim_job(store, "a")
        assert claimed.started_at is not None
        assert before <= claimed.started_at <= store.now()

    def test_changes_nothing_where_the_transition_is_refused(
        self, store: JobStore, changes: Callable[[], list[str]]
    ) -> None:
        job = store_job(store, "a")
        with pytest.raises(AttemptLost):
            store.update("a", lambda job, _: job.advance(TOKEN, 1))
        assert store.get("a") == job
        assert changes() == ["a queued"]

    def test_says_that_a_job_was_never_there(self, store: JobStore) -> None:
        with pytest.raises(JobNotFound):
            store.update("never", lambda job, now: job.cancel(now))

    def test_says_that_a_job_has_expired(self, store: JobStore, any_redis: Redis) -> None:
        bring_to(store, JobState.SUCCEEDED, "a")
        any_redis.delete("semantic-bit:job:a")
        with pytest.raises(JobExpired):
            store.update("a", lambda job, now: job.cancel(now))

    @pytest.mark.parametrize("state", FINAL)
    def test_does_not_touch_a_finished_job(
        self, store: JobStore, changes: Callable[[], list[str]], state: JobState
    ) -> None:
        finished = bring_to(store, state, "a")
        changes()
        assert store.update("a", lambda job, now: job.cancel(now)) == finished
        assert changes() == []

    def test_applies_the_transition_again_to_what_another_has_written_meanwhile(
        self, store: JobStore, any_redis: Redis
    ) -> None:
        store_job(store, "a")
        other = make_store(any_redis)
        seen: list[JobState] = []

        def overtaken_claim(job: Job, now: datetime) -> Job:
            seen.append(job.state)
            other.update("a", lambda job, now: job.cancel(now))
            return job.claim(TOKEN, WORKER, now)

        with pytest.raises(JobAlreadyTaken):
            store.update("a", overtaken_claim)
        assert seen == [JobState.QUEUED, JobState.CANCELED]
        assert store.get("a").state is JobState.CANCELED

    def test_lets_one_of_many_claims_win(self, any_redis: Redis) -> None:
        store_job(make_store(any_redis), "a")
        start = Barrier(8)

        def claim(token: str) -> str | None:
            start.wait()
            try:
                return claim_job(make_store(any_redis), "a", token).token
            except JobAlreadyTaken:
                return None

        with ThreadPoolExecutor(8) as threads:
            tokens = list(threads.map(claim, "abcdefgh"))
        (winner,) = [token for token in tokens if token]
        job = make_store(any_redis).get("a")
        assert (job.token, job.attempt) == (winner, 1)

    def test_is_applied_once_when_the_reply_is_lost(self) -> None:
        server = FakeServer()
        changes = listen_to_changes(FakeRedis(server=server))
        store = make_store(RepeatsItsScripts(server=server))
        job = bring_to(store, JobState.SUCCEEDED, "a")
        assert job.attempt == 1
        assert changes() == ["a queued", "a running", "a succeeded"]


class TestIndexes:
    @pytest.mark.parametrize("state", JobState)
    def test_are_in_step_with_the_state(
        self, store: JobStore, any_redis: Redis, state: JobState
    ) -> None:
        bring_to(store, state, "a")
        waits, held = state is JobState.QUEUED, state.is_held
        assert store.queued_ids() == (["a"] if waits else [])
        assert store.position("a") == (0 if waits else None)
        assert any_redis.zrange("semantic-bit:held", 0, -1) == ([b"a"] if held else [])
        assert store.count() == {JobState.QUEUED: int(waits), JobState.RUNNING: int(held)}

    def test_hold_the_jobs_in_the_order_of_their_submission(self, store: JobStore) -> None:
        for job_id in ("c", "a", "b"):
            store_job(store, job_id)
        assert store.queued_ids() == ["c", "a", "b"]
        assert [store.position(job_id) for job_id in ("c", "a", "b", "never")] == [0, 1, 2, None]

    def test_give_a_job_that_was_lost_its_old_place_back(self, store: JobStore) -> None:
        store_job(store, "a")
        store_job(store, "b")
        claim_job(store, "a")
        store.update("a", lambda job, now: job.lose_worker(3, now))
        assert store.queued_ids() == ["a", "b"]


class TestExpiry:
    @pytest.mark.parametrize("state", FINAL)
    def test_begins_at_the_end_and_is_remembered_for_longer(
        self, store: JobStore, any_redis: Redis, state: JobState
    ) -> None:
        bring_to(store, state, "a")
        record, ended = (any_redis.ttl(f"semantic-bit:{kind}:a") for kind in ("job", "ended"))
        assert RESULT_TTL - 5 < record <= RESULT_TTL
        assert ended > 10 * RESULT_TTL

    @pytest.mark.parametrize("state", [JobState.QUEUED, *HELD])
    def test_does_not_begin_before_the_end(
        self, store: JobStore, any_redis: Redis, state: JobState
    ) -> None:
        bring_to(store, state, "a")
        assert any_redis.ttl("semantic-bit:job:a") == -1
        assert not any_redis.exists("semantic-bit:ended:a")


def lease_end(redis: Redis) -> datetime:
    score = redis.zscore("semantic-bit:held", "a")
    assert isinstance(score, float)
    return datetime.fromtimestamp(score, UTC)


class TestLease:
    def test_lasts_as_long_as_it_was_set(self, store: JobStore, any_redis: Redis) -> None:
        store_job(store, "a")
        claimed = claim_job(store, "a")
        assert claimed.started_at is not None
        lasts = lease_end(any_redis) - claimed.started_at
        assert lasts.total_seconds() == pytest.approx(LEASE_SECONDS, abs=0.001)

    @pytest.mark.parametrize("step", [1, 0], ids=["a new step", "the same step"])
    def test_is_renewed_with_every_sign_of_its_holder(
        self, store: JobStore, any_redis: Redis, step: int
    ) -> None:
        store_job(store, "a")
        claim_job(make_store(any_redis, lease_seconds=-1), "a")
        assert store.lost_ids() == ["a"]
        store.hold("a", lambda job, _: job.advance(TOKEN, step))
        assert store.lost_ids() == []

    def test_is_not_renewed_by_a_write_that_is_refused(
        self, store: JobStore, any_redis: Redis
    ) -> None:
        bring_to(make_store(any_redis, lease_seconds=-1), JobState.RUNNING, "a")
        with pytest.raises(TransitionRefused):
            store.hold("a", lambda job, _: job.advance("another", 1))
        assert store.lost_ids() == ["a"]

    @pytest.mark.parametrize("state", HELD)
    def test_is_not_renewed_by_a_client_who_cancels(
        self, store: JobStore, any_redis: Redis, state: JobState
    ) -> None:
        bring_to(make_store(any_redis, lease_seconds=-1), state, "a")
        store.update("a", lambda job, now: job.cancel(now))
        assert store.lost_ids() == ["a"]

    def test_that_still_runs_is_not_lost(self, store: JobStore) -> None:
        bring_to(store, JobState.RUNNING, "a")
        assert store.lost_ids() == []

    @pytest.mark.parametrize("state", [JobState.QUEUED, *FINAL])
    def test_is_given_up_with_the_job(self, any_redis: Redis, state: JobState) -> None:
        store = make_store(any_redis, lease_seconds=-1)
        bring_to(store, state, "a")
        assert store.lost_ids() == []


URL = "https://receiver.example/hook"
NO = Delivery(at=NOW, status=503, error="answered 503")
YES = Delivery(at=NOW, status=200)


def due(redis: Redis) -> dict[bytes, float]:
    found = redis.zrange("semantic-bit:deliveries", 0, -1, withscores=True)
    return dict(cast("list[tuple[bytes, float]]", found))


def record(store: JobStore, delivery: Delivery, job_id: str = "a") -> Job:
    return store.update(job_id, lambda job, now: job.record_delivery(delivery, now))


class TestDeliveries:
    @pytest.mark.parametrize("state", FINAL)
    def test_are_due_as_soon_as_the_job_has_ended(
        self, store: JobStore, any_redis: Redis, state: JobState
    ) -> None:
        job = bring_to(store, state, "a", webhook_url=URL)
        assert job.finished_at is not None
        assert due(any_redis) == {b"a": job.finished_at.timestamp()}

    @pytest.mark.parametrize("state", [JobState.QUEUED, *HELD])
    def test_are_not_due_before(self, store: JobStore, any_redis: Redis, state: JobState) -> None:
        bring_to(store, state, "a", webhook_url=URL)
        assert due(any_redis) == {}

    @pytest.mark.parametrize("state", JobState)
    def test_are_none_where_there_is_no_webhook(
        self, store: JobStore, any_redis: Redis, state: JobState
    ) -> None:
        bring_to(store, state, "a")
        assert due(any_redis) == {}

    def test_are_due_again_after_a_failure(self, store: JobStore, any_redis: Redis) -> None:
        bring_to(store, JobState.FAILED, "a", webhook_url=URL)
        job = record(store, NO)
        assert job.delivery_due_at is not None
        assert due(any_redis) == {b"a": job.delivery_due_at.timestamp()}
        assert store.get("a") == job

    def test_are_never_due_again_after_a_success(self, store: JobStore, any_redis: Redis) -> None:
        bring_to(store, JobState.FAILED, "a", webhook_url=URL)
        assert store.get("a") != record(store, YES) == store.get("a")
        assert due(any_redis) == {}

    def test_leave_the_record_the_time_that_it_has_left(
        self, store: JobStore, any_redis: Redis
    ) -> None:
        bring_to(store, JobState.CANCELED, "a", webhook_url=URL)
        for kind in ("job", "ended"):
            any_redis.expire(f"semantic-bit:{kind}:a", 7)
        record(store, NO)
        assert [0 < any_redis.ttl(f"semantic-bit:{kind}:a") <= 7 for kind in ("job", "ended")] == [
            True,
            True,
        ]

    def test_are_no_change_of_the_job_that_anybody_hears_of(
        self, store: JobStore, changes: Callable[[], list[str]]
    ) -> None:
        bring_to(store, JobState.CANCELED, "a", webhook_url=URL)
        changes()
        record(store, NO)
        assert changes() == []

    def test_are_recorded_once_when_the_reply_is_lost(self) -> None:
        store = make_store(RepeatsItsScripts(server=FakeServer()))
        bring_to(store, JobState.FAILED, "a", webhook_url=URL)
        webhook = record(store, NO).webhook
        assert webhook is not None
        assert webhook.deliveries == (NO,)
        assert store.get("a").webhook == webhook

    def test_of_a_job_whose_record_is_gone_can_be_forgotten(
        self, store: JobStore, any_redis: Redis
    ) -> None:
        bring_to(store, JobState.FAILED, "a", webhook_url=URL)
        any_redis.delete("semantic-bit:job:a")
        with pytest.raises(JobExpired):
            record(store, NO)
        store.forget("a")
        assert due(any_redis) == {}


class TestClaimDueDeliveries:
    def test_gives_each_to_one_of_those_who_ask(self, store: JobStore) -> None:
        for job_id in ("a", "b"):
            bring_to(store, JobState.FAILED, job_id, webhook_url=URL)
        assert store.claim_due_deliveries(limit=1) == ["a"]
        assert store.claim_due_deliveries(limit=10) == ["b"]
        assert store.claim_due_deliveries(limit=10) == []

    def test_has_them_due_again_in_a_minute(self, store: JobStore, any_redis: Redis) -> None:
        bring_to(store, JobState.FAILED, "a", webhook_url=URL)
        before = store.now().timestamp()
        store.claim_due_deliveries(limit=10)
        assert before + 60 <= due(any_redis)[b"a"] <= store.now().timestamp() + 60

    def test_gives_none_that_is_not_due(self, store: JobStore) -> None:
        bring_to(store, JobState.FAILED, "a", webhook_url=URL)
        record(store, NO)
        assert store.claim_due_deliveries(limit=10) == []

    def test_gives_none_where_none_may_be_given(self, store: JobStore) -> None:
        bring_to(store, JobState.FAILED, "a", webhook_url=URL)
        assert store.claim_due_deliveries(limit=0) == []


class TestChannel:
    def test_says_every_change_in_order(
        self, store: JobStore, changes: Callable[[], list[str]]
    ) -> None:
        bring_to(store, JobState.CANCELED, "a")
        assert changes() == ["a queued", "a running", "a canceling", "a canceled"]

    def test_says_every_step(self, store: JobStore, changes: Callable[[], list[str]]) -> None:
        bring_to(store, JobState.RUNNING, "a")
        changes()
        store.update("a", lambda job, _: job.advance(TOKEN, 1))
        assert changes() == ["a running"]

    def test_says_nothing_where_only_the_lease_is_renewed(
        self, store: JobStore, changes: Callable[[], list[str]]
    ) -> None:
        bring_to(store, JobState.RUNNING, "a")
        changes()
        store.update("a", lambda job, _: job.advance(TOKEN, 0))
        assert changes() == []


class TestNow:
    def test_is_redis_own_time_with_microseconds(self, store: JobStore) -> None:
        first, second = store.now(), store.now()
        assert first.tzinfo is UTC
        assert timedelta() <= second - first < timedelta(minutes=1)
