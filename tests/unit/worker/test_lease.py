import threading
from collections.abc import Callable

import pytest
from fakeredis import FakeRedis
from redis import Redis

from shared.errors import AttemptLost
from shared.event_log import EventLog
from shared.job_parts import JobState
from shared.job_store import JobStore
from shared.jobs import Job
from tests.support.builders import OTHER_TOKEN, STEPS, TOKEN, bring_to, claim_job
from tests.support.runners import must_not_end
from tests.unit.eventually import eventually
from tests.unit.failing_redis import FailingRedis
from worker.expectation import Expectation
from worker.lease import Canceled, Lease
from worker.previews import Previews

NEVER = 1000.0
OFTEN = 0.01


@pytest.fixture
def store(fake_redis: Redis) -> JobStore:
    return JobStore(fake_redis, result_ttl=60, lease_seconds=15)


@pytest.fixture
def job(fake_redis: Redis) -> Job:
    """A job whose lease has run out already, so that a renewal shows."""
    lapsed = JobStore(fake_redis, result_ttl=60, lease_seconds=-1)
    return bring_to(lapsed, JobState.RUNNING, "a")


def lease_on(
    store: JobStore,
    job: Job,
    *,
    every: float = OFTEN,
    step_timeout: float = NEVER,
    end_process: Callable[[], None] = must_not_end,
) -> Lease:
    return Lease(
        store,
        job,
        TOKEN,
        expectation=Expectation(STEPS, None),
        previews=Previews(EventLog(FakeRedis()), job, TOKEN),  # Nobody looks.
        dispatch=lambda: None,
        interval_seconds=every,
        step_timeout=step_timeout,
        end_process=end_process,
    )


def interruption_of(lease: Lease) -> Exception | None:
    try:
        lease.checkpoint(1)
    except (AttemptLost, Canceled) as interruption:
        return interruption
    return None


def take_over(store: JobStore) -> None:
    store.update("a", lambda job, now: job.lose_worker(3, now))
    claim_job(store, "a", OTHER_TOKEN)


def give_up(store: JobStore) -> None:
    store.update("a", lambda job, now: job.lose_worker(1, now))


class TestLease:
    def test_is_renewed_without_any_step(self, store: JobStore, job: Job) -> None:
        with lease_on(store, job, every=OFTEN):
            assert eventually(store.lost_ids, until=lambda lost: not lost) == []

    def test_is_not_renewed_any_more_when_the_work_is_over(self, store: JobStore, job: Job) -> None:
        with lease_on(store, job, every=OFTEN):
            pass
        names = [thread.name for thread in threading.enumerate()]
        assert "lease-a" not in names

    def test_outlives_a_moment_without_redis(self, job: Job, fake_redis: Redis) -> None:
        failing = FailingRedis(connection_pool=fake_redis.connection_pool)
        store = JobStore(failing, result_ttl=60, lease_seconds=15)
        failing.failures = 3
        with lease_on(store, job, every=OFTEN) as lease:
            eventually(lambda: failing.failures, until=lambda left: left == 0)
            assert eventually(store.lost_ids, until=lambda lost: not lost) == []
            assert interruption_of(lease) is None

    def test_lets_what_the_work_raises_through(self, store: JobStore, job: Job) -> None:
        with pytest.raises(ZeroDivisionError), lease_on(store, job, every=NEVER):
            raise ZeroDivisionError


class TestCheckpoint:
    def test_writes_the_progress_at_once(self, store: JobStore, job: Job) -> None:
        with lease_on(store, job, every=NEVER) as lease:
            lease.checkpoint(3)
            written = eventually(lambda: store.get("a").progress.step, until=lambda step: step > 0)
        assert written == 3

    def test_does_not_write_each_of_many_quick_steps(
        self, store: JobStore, job: Job, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("worker.lease._BETWEEN_WRITES_SECONDS", NEVER)
        with lease_on(store, job, every=NEVER) as lease:
            lease.checkpoint(1)
            eventually(lambda: store.get("a").progress.step, until=lambda step: step > 0)
            lease.checkpoint(2)
            lease.checkpoint(3)
        assert store.get("a").progress.step == 1

    def test_goes_on_while_nothing_is_asked(self, store: JobStore, job: Job) -> None:
        with lease_on(store, job, every=NEVER) as lease:
            assert interruption_of(lease) is None

    @pytest.mark.parametrize(
        ("happening", "interruption"),
        [
            (lambda store: store.update("a", lambda job, now: job.cancel(now)), Canceled),
            (take_over, AttemptLost),
            (give_up, AttemptLost),
        ],
        ids=["canceled", "taken over", "given up"],
    )
    def test_interrupts_the_painting_of_a_job_that_is(
        self,
        store: JobStore,
        job: Job,
        happening: Callable[[JobStore], object],
        interruption: type[Exception],
    ) -> None:
        with lease_on(store, job, every=NEVER) as lease:
            happening(store)
            seen = eventually(lambda: interruption_of(lease), until=lambda seen: seen is not None)
        assert type(seen) is interruption

    def test_interrupts_the_painting_of_a_job_that_is_gone(
        self, store: JobStore, job: Job, fake_redis: Redis
    ) -> None:
        with lease_on(store, job, every=NEVER) as lease:
            fake_redis.flushdb()
            seen = eventually(lambda: interruption_of(lease), until=lambda seen: seen is not None)
        assert type(seen) is AttemptLost


class TestWatchdog:
    def test_abandons_the_process_when_no_step_ends(self, store: JobStore, job: Job) -> None:
        ended = threading.Event()
        with lease_on(store, job, step_timeout=0, end_process=ended.set):
            assert ended.wait(60)

    def test_has_patience_once_the_picture_is_painted(self, store: JobStore, job: Job) -> None:
        lease = lease_on(store, job, step_timeout=0)
        lease.painted()
        with lease:
            assert eventually(store.lost_ids, until=lambda lost: not lost) == []
