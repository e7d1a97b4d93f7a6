"""Every change of a job is counted once, whoever makes it, and however often it is tried."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from fakeredis import FakeServer
from prometheus_client import CollectorRegistry
from redis import Redis
from redis.exceptions import RedisError

from shared.errors import AttemptLost
from shared.job_metrics import JobMetrics
from shared.job_parts import CancelReason, FailureType, JobFailure, JobState
from shared.job_store import JobStore
from shared.jobs import Job
from shared.webhook import Delivery
from tests.support.builders import (
    FAILURE,
    LATER,
    LIMIT,
    NOW,
    OTHER_TOKEN,
    TOKEN,
    WORKER,
    bring_to,
    claim_job,
    job_in,
    make_result,
    queued_job,
    store_job,
)
from tests.support.scrape import Scrape
from tests.unit.failing_redis import ForgetfulRedis

FINISHED = "semantic_bit_jobs_finished_total"
LATE = timedelta(seconds=-1)


class Process:
    """A store of a process of its own, and what that process counts."""

    def __init__(self, redis: Redis) -> None:
        self.registry = CollectorRegistry()
        metrics = JobMetrics(self.registry)
        self.store = JobStore(redis, result_ttl=60, lease_seconds=15, tell=metrics.changed)


def counted(name: str, *processes: Process) -> dict[tuple[str, ...], float]:
    """Sum over the processes, as a query does."""
    total: dict[tuple[str, ...], float] = {}
    for process in processes:
        for labels, value in Scrape.of(process.registry).counted(name).items():
            total[labels] = total.get(labels, 0) + value
    return total


@pytest.fixture
def process(fake_redis: Redis) -> Process:
    return Process(fake_redis)


@pytest.fixture
def other(fake_redis: Redis) -> Process:
    return Process(fake_redis)


def expire(process: Process, job_id: str = "a") -> Job:
    return process.store.update(job_id, lambda job, now: job.expire(LATE, now))


def succeed(process: Process, job_id: str = "a", token: str = TOKEN) -> Job:
    return process.store.update(job_id, lambda job, now: job.succeed(token, make_result(), now))


def cancel(process: Process, job_id: str = "a") -> Job:
    return process.store.update(job_id, lambda job, now: job.cancel(now))


class TestEnds:
    @pytest.mark.parametrize(
        ("state", "labels"),
        [
            (JobState.SUCCEEDED, ("", "succeeded")),
            (JobState.FAILED, ("nan_output", "failed")),
            (JobState.CANCELED, ("requested", "canceled")),
        ],
    )
    def test_are_counted_by_state_and_reason(
        self, process: Process, state: JobState, labels: tuple[str, str]
    ) -> None:
        bring_to(process.store, state, "a")
        assert counted(FINISHED, process) == {labels: 1}
        assert counted("semantic_bit_job_seconds_count", process) == {(state.value,): 1}

    @pytest.mark.parametrize("failure", list(FailureType))
    def test_have_a_reason_for_every_failure(self, process: Process, failure: FailureType) -> None:
        store_job(process.store, "a")
        claim_job(process.store, "a")
        error = JobFailure(type=failure, detail="It broke.")
        process.store.update("a", lambda job, now: job.fail(TOKEN, error, now))
        assert counted(FINISHED, process) == {(failure.value, "failed"): 1}

    @pytest.mark.parametrize("reason", list(CancelReason))
    def test_have_a_reason_for_every_cancel(self, process: Process, reason: CancelReason) -> None:
        store_job(process.store, "a")
        process.store.update("a", lambda job, now: job.cancel(now, reason))
        assert counted(FINISHED, process) == {(reason.value, "canceled"): 1}
        assert counted("semantic_bit_cancels_total", process) == {(reason.value,): 1}

    def test_are_shown_as_zero_before_the_first(self, process: Process) -> None:
        seen = Scrape.of(process.registry)
        shown = {
            (sample.labels["state"], sample.labels["reason"])
            for sample in seen.samples
            if sample.name == FINISHED
        }
        assert shown == {
            ("succeeded", ""),
            *(("failed", failure.value) for failure in FailureType),
            *(("canceled", reason.value) for reason in CancelReason),
        }


class TestOnce:
    def test_when_the_same_attempt_ends_its_job_twice(self, process: Process) -> None:
        bring_to(process.store, JobState.SUCCEEDED, "a")
        succeed(process)
        assert counted(FINISHED, process) == {("", "succeeded"): 1}

    def test_when_two_processes_cancel_a_job(self, process: Process, other: Process) -> None:
        store_job(process.store, "a")
        cancel(process)
        cancel(other)
        assert counted(FINISHED, process, other) == {("requested", "canceled"): 1}
        assert counted("semantic_bit_cancels_total", process, other) == {("requested",): 1}

    def test_when_two_reapers_find_a_job_too_late(self, process: Process, other: Process) -> None:
        bring_to(process.store, JobState.RUNNING, "a")
        expire(process)
        expire(other)
        assert counted(FINISHED, process, other) == {("deadline_exceeded", "failed"): 1}

    def test_when_its_worker_ends_what_the_reaper_has_ended(
        self, process: Process, other: Process
    ) -> None:
        bring_to(process.store, JobState.RUNNING, "a")
        expire(other)
        assert succeed(process).state is JobState.FAILED
        assert counted(FINISHED, process, other) == {("deadline_exceeded", "failed"): 1}

    def test_when_a_lost_attempt_comes_late(self, process: Process, other: Process) -> None:
        bring_to(process.store, JobState.RUNNING, "a")
        other.store.update("a", lambda job, now: job.lose_worker(3, now))
        claim_job(other.store, "a", OTHER_TOKEN)
        with pytest.raises(AttemptLost):
            succeed(process)
        succeed(other, token=OTHER_TOKEN)
        assert counted(FINISHED, process, other) == {("", "succeeded"): 1}
        assert counted("semantic_bit_recoveries_total", process, other) == {(): 1}
        assert counted("semantic_bit_attempts_total", process, other) == {(): 2}

    def test_whatever_steps_come_between(self, process: Process) -> None:
        bring_to(process.store, JobState.RUNNING, "a")
        for step in (1, 2, 2, 3):
            process.store.hold("a", lambda job, _: job.advance(TOKEN, step))  # noqa: B023
        assert counted("semantic_bit_attempts_total", process) == {(): 1}
        assert counted("semantic_bit_jobs_submitted_total", process) == {(): 1}
        assert counted(FINISHED, process) == {}


class TestLostReply:
    @pytest.fixture
    def forgetful(self) -> ForgetfulRedis:
        return ForgetfulRedis(server=FakeServer())

    @pytest.fixture
    def process(self, forgetful: ForgetfulRedis) -> Process:
        return Process(forgetful)

    @pytest.fixture
    def other(self, forgetful: ForgetfulRedis) -> Process:
        return Process(forgetful)

    def without_reply(self, forgetful: ForgetfulRedis, write: Callable[[], object]) -> None:
        forgetful.lost_replies = 1
        with pytest.raises(RedisError):
            write()

    def test_to_the_end_of_a_job_is_counted_when_it_is_tried_again(
        self, forgetful: ForgetfulRedis, process: Process
    ) -> None:
        bring_to(process.store, JobState.RUNNING, "a")
        self.without_reply(forgetful, lambda: succeed(process))
        assert counted(FINISHED, process) == {}
        for _ in range(2):
            succeed(process)
        assert counted(FINISHED, process) == {("", "succeeded"): 1}

    def test_to_a_cancel_is_counted_once_where_another_process_tries_again(
        self, forgetful: ForgetfulRedis, process: Process, other: Process
    ) -> None:
        store_job(process.store, "a")
        self.without_reply(forgetful, lambda: cancel(process))
        cancel(other)
        for _ in range(2):
            process.store.settle()
        assert counted(FINISHED, process, other) == {("requested", "canceled"): 1}

    def test_to_a_submit_is_counted_though_the_job_has_gone_on(
        self, forgetful: ForgetfulRedis, process: Process, other: Process
    ) -> None:
        job = queued_job("a", now=process.store.now())
        self.without_reply(forgetful, lambda: process.store.add(job, limit=LIMIT))
        claim_job(other.store, "a")
        process.store.settle()
        assert counted("semantic_bit_jobs_submitted_total", process, other) == {(): 1}

    def test_to_a_loss_is_not_counted_where_another_has_written_it(
        self, forgetful: ForgetfulRedis, process: Process, other: Process
    ) -> None:
        bring_to(process.store, JobState.RUNNING, "a")

        def overtaken(job: Job, now: object) -> Job:
            other.store.update("a", lambda job, now: job.lose_worker(3, now))
            forgetful.lost_replies = 1
            return job.lose_worker(3, LATER)

        with pytest.raises(RedisError):
            process.store.update("a", overtaken)
        process.store.settle()
        assert counted("semantic_bit_recoveries_total", process, other) == {(): 1}

    def test_to_what_is_gone_meanwhile_is_forgotten(
        self, forgetful: ForgetfulRedis, process: Process
    ) -> None:
        store_job(process.store, "a")
        self.without_reply(forgetful, lambda: cancel(process))
        forgetful.flushall()
        process.store.settle()
        assert counted(FINISHED, process) == {}


class TestWebhooks:
    @pytest.fixture
    def due(self, process: Process) -> Process:
        """A process that delivers, of a job that has ended."""
        bring_to(process.store, JobState.SUCCEEDED, "a", webhook_url="https://there.example/")
        return process

    def record(self, process: Process, status: int | None) -> None:
        process.store.update(
            "a", lambda job, now: job.record_delivery(Delivery(at=now, status=status), now)
        )

    def test_are_counted_try_by_try(self, due: Process) -> None:
        for status in (503, None, 204):
            self.record(due, status)
        assert counted("semantic_bit_webhook_deliveries_total", due) == {
            ("refused",): 1,
            ("no_answer",): 1,
            ("taken",): 1,
        }

    @pytest.mark.parametrize(("status", "state"), [(200, "delivered"), (410, "failed")])
    def test_are_counted_once_at_their_end(self, due: Process, status: int, state: str) -> None:
        self.record(due, 503)
        assert counted("semantic_bit_webhooks_finished_total", due) == {}
        for _ in range(2):
            self.record(due, status)
        assert counted("semantic_bit_webhooks_finished_total", due) == {(state,): 1}

    def test_do_not_count_their_job_again(self, due: Process) -> None:
        self.record(due, 200)
        assert counted(FINISHED, due) == {("", "succeeded"): 1}


class TestTimes:
    def test_of_waiting_begin_with_the_submission(self) -> None:
        registry = CollectorRegistry()
        job = queued_job()
        JobMetrics(registry).changed(job, job.claim(TOKEN, WORKER, NOW + timedelta(seconds=3)))
        assert Scrape.of(registry).sum("semantic_bit_queue_wait_seconds_sum") == 3

    def test_of_waiting_begin_again_when_the_worker_is_lost(self) -> None:
        registry = CollectorRegistry()
        lost = job_in(JobState.RUNNING).lose_worker(3, LATER)
        again = lost.claim(OTHER_TOKEN, WORKER, LATER + timedelta(seconds=2))
        JobMetrics(registry).changed(lost, again)
        assert Scrape.of(registry).sum("semantic_bit_queue_wait_seconds_sum") == 2

    def test_of_a_job_end_with_it(self) -> None:
        registry = CollectorRegistry()
        running = job_in(JobState.RUNNING)
        JobMetrics(registry).changed(running, running.fail(TOKEN, FAILURE, LATER))
        seen = Scrape.of(registry)
        assert seen.sum("semantic_bit_job_seconds_sum", state="failed") == 30
        assert seen.sum("semantic_bit_cancel_seconds_count") == 0

    def test_of_a_cancel_are_from_the_wish_to_the_end(self) -> None:
        registry = CollectorRegistry()
        canceling = job_in(JobState.CANCELING)
        JobMetrics(registry).changed(canceling, canceling.acknowledge_cancel(TOKEN, LATER))
        assert Scrape.of(registry).sum("semantic_bit_cancel_seconds_sum") == 30

    def test_are_never_less_than_nothing(self) -> None:
        registry = CollectorRegistry()
        job = queued_job(now=LATER)
        JobMetrics(registry).changed(job, job.claim(TOKEN, WORKER, NOW))
        assert Scrape.of(registry).sum("semantic_bit_queue_wait_seconds_sum") == 0
