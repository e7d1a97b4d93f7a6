from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shared.errors import (
    AttemptLost,
    DeliveryNotDue,
    JobAlreadyTaken,
    NotCanceling,
    TransitionRefused,
)
from shared.job_parts import (
    Attempt,
    Cancellation,
    CancelReason,
    FailureType,
    JobFailure,
    JobState,
    Priority,
    Progress,
)
from shared.jobs import Job
from shared.webhook import DELAYS, Delivery, Webhook, WebhookState
from tests.support.builders import (
    FAILURE,
    LATER,
    NOW,
    OTHER_TOKEN,
    STEPS,
    TOKEN,
    WORKER,
    job_in,
    make_request,
    make_result,
    queued_job,
)

MAX_ATTEMPTS = 3
FINAL = [state for state in JobState if state.is_final]
HELD = [JobState.RUNNING, JobState.CANCELING]

Move = Callable[[Job], Job]
MOVES: dict[str, Move] = {
    "claim by another": lambda job: job.claim(OTHER_TOKEN, WORKER, LATER),
    "claim again": lambda job: job.claim(TOKEN, WORKER, LATER),
    "advance": lambda job: job.advance(TOKEN, 3),
    "advance by another": lambda job: job.advance(OTHER_TOKEN, 3),
    "succeed": lambda job: job.succeed(TOKEN, make_result(), LATER),
    "succeed by another": lambda job: job.succeed(OTHER_TOKEN, make_result(), LATER),
    "fail": lambda job: job.fail(TOKEN, FAILURE, LATER),
    "fail by another": lambda job: job.fail(OTHER_TOKEN, FAILURE, LATER),
    "cancel": lambda job: job.cancel(LATER),
    "acknowledge cancel": lambda job: job.acknowledge_cancel(TOKEN, LATER),
    "acknowledge cancel by another": lambda job: job.acknowledge_cancel(OTHER_TOKEN, LATER),
    "lose worker": lambda job: job.lose_worker(MAX_ATTEMPTS, LATER),
}
LEADS_TO: dict[JobState, dict[str, JobState]] = {
    JobState.QUEUED: {
        "claim by another": JobState.RUNNING,
        "claim again": JobState.RUNNING,
        "cancel": JobState.CANCELED,
    },
    JobState.RUNNING: {
        "claim again": JobState.RUNNING,
        "advance": JobState.RUNNING,
        "succeed": JobState.SUCCEEDED,
        "fail": JobState.FAILED,
        "cancel": JobState.CANCELING,
        "lose worker": JobState.QUEUED,
    },
    JobState.CANCELING: {
        "claim again": JobState.CANCELING,
        "advance": JobState.CANCELING,
        "succeed": JobState.CANCELED,
        "fail": JobState.CANCELED,
        "cancel": JobState.CANCELING,
        "acknowledge cancel": JobState.CANCELED,
        "lose worker": JobState.CANCELED,
    },
} | {
    final: dict.fromkeys(["succeed", "fail", "cancel", "acknowledge cancel"], final)
    for final in FINAL
}
CASES = [(state, move) for state in JobState for move in MOVES]
TAKEN = [(state, move) for state, move in CASES if move in LEADS_TO[state]]
REFUSED = [(state, move) for state, move in CASES if move not in LEADS_TO[state]]


class TestTransitions:
    @pytest.mark.parametrize(("state", "move"), TAKEN)
    def test_lead_to_the_state_of_the_table(self, state: JobState, move: str) -> None:
        assert MOVES[move](job_in(state)).state is LEADS_TO[state][move]

    @pytest.mark.parametrize(("state", "move"), REFUSED)
    def test_are_refused_where_the_table_has_none(self, state: JobState, move: str) -> None:
        refusal: type[TransitionRefused] = AttemptLost
        if move.startswith("claim"):
            refusal = JobAlreadyTaken
        if (state, move) == (JobState.RUNNING, "acknowledge cancel"):
            refusal = NotCanceling
        with pytest.raises(refusal, match="job-1"):
            MOVES[move](job_in(state))

    @pytest.mark.parametrize("state", FINAL)
    @pytest.mark.parametrize("move", ["succeed", "fail", "cancel", "acknowledge cancel"])
    def test_leave_a_finished_job_as_it_is(self, state: JobState, move: str) -> None:
        finished = job_in(state)
        assert MOVES[move](finished) is finished

    @pytest.mark.parametrize(("state", "move"), TAKEN)
    def test_give_a_record_that_survives_its_way_through_redis(
        self, state: JobState, move: str
    ) -> None:
        job = MOVES[move](job_in(state))
        assert Job.model_validate_json(job.model_dump_json()) == job


class TestQueued:
    def test_has_done_nothing_yet(self) -> None:
        job = queued_job("a", now=NOW)
        assert job.model_dump(exclude={"request"}) == {
            "id": "a",
            "state": JobState.QUEUED,
            "created_at": NOW,
            "finished_at": None,
            "attempts": (),
            "expected_at": None,
            "owner": "",
            "request_id": None,
            "traceparent": None,
            "priority": Priority.NORMAL,
            "alone": False,
            "token": None,
            "idempotency": None,
            "cancellation": None,
            "webhook": None,
            "progress": {"step": 0, "total": STEPS, "fraction": 0.0},
            "result": None,
            "error": None,
        }


class TestClaim:
    def test_starts_an_attempt(self) -> None:
        job = queued_job().claim(TOKEN, WORKER, LATER)
        assert (job.attempt, job.token, job.worker, job.started_at) == (1, TOKEN, WORKER, LATER)

    @pytest.mark.parametrize("state", HELD)
    def test_that_is_repeated_changes_nothing(self, state: JobState) -> None:
        job = job_in(state)
        assert job.claim(TOKEN, WORKER, LATER) is job


URL = "https://receiver.example/hook"
DUE_AGAIN = timedelta(minutes=1)
YES = Delivery(at=LATER, status=200)
NO = Delivery(at=LATER, error="connection failed")


def with_webhook(job: Job) -> Job:
    """Give the job as it would be, had its client named a webhook."""
    ended = job.finished_at
    webhook = Webhook(url=URL, next_at=ended) if ended else Webhook(url=URL)
    return job.model_copy(update={"webhook": webhook})


class TestWebhook:
    def test_waits_for_the_end_of_the_job(self) -> None:
        job = Job.queued("a", make_request(), NOW, webhook_url=URL)
        assert job.webhook == Webhook(url=URL, state=WebhookState.WAITING, next_at=None)
        assert job.delivery_due_at is None

    @pytest.mark.parametrize(
        "end",
        [
            lambda job: job.cancel(LATER),
            lambda job: job.expire(timedelta(), LATER),
            lambda job: job.claim(TOKEN, WORKER, NOW).succeed(TOKEN, make_result(), LATER),
            lambda job: job.claim(TOKEN, WORKER, NOW).fail(TOKEN, FAILURE, LATER),
            lambda job: job.claim(TOKEN, WORKER, NOW).lose_worker(1, LATER),
        ],
    )
    def test_is_due_when_the_job_ends(self, end: Move) -> None:
        ended = end(Job.queued("a", make_request(), NOW, webhook_url=URL))
        assert (ended.state.is_final, ended.delivery_due_at) == (True, LATER)

    @pytest.mark.parametrize("state", FINAL)
    def test_is_tried_again_where_a_try_falls_silent(self, state: JobState) -> None:
        tried = with_webhook(job_in(state)).start_delivery(DUE_AGAIN, LATER)
        with pytest.raises(DeliveryNotDue):
            tried.start_delivery(DUE_AGAIN, LATER)
        assert tried.delivery_due_at == LATER + DUE_AGAIN
        tried.start_delivery(DUE_AGAIN, LATER + DUE_AGAIN)

    @pytest.mark.parametrize("state", [state for state in JobState if not state.is_final])
    def test_is_not_tried_before_the_job_ends(self, state: JobState) -> None:
        job = with_webhook(job_in(state))
        with pytest.raises(DeliveryNotDue):
            job.start_delivery(DUE_AGAIN, LATER)
        with pytest.raises(DeliveryNotDue):
            job.record_delivery(YES, LATER)

    @pytest.mark.parametrize("state", JobState)
    def test_is_not_tried_where_there_is_none(self, state: JobState) -> None:
        with pytest.raises(DeliveryNotDue):
            job_in(state).start_delivery(DUE_AGAIN, LATER)
        with pytest.raises(DeliveryNotDue):
            job_in(state).record_delivery(YES, LATER)

    @pytest.mark.parametrize("state", FINAL)
    def test_is_not_tried_once_it_was_delivered(self, state: JobState) -> None:
        job = with_webhook(job_in(state)).record_delivery(YES, LATER)
        assert job.delivery_due_at is None
        with pytest.raises(DeliveryNotDue):
            job.start_delivery(DUE_AGAIN, LATER + DUE_AGAIN)

    @pytest.mark.parametrize("state", FINAL)
    def test_changes_nothing_else_of_the_job(self, state: JobState) -> None:
        job = with_webhook(job_in(state))
        tried = job.start_delivery(DUE_AGAIN, LATER).record_delivery(NO, LATER)
        assert tried.delivery_due_at == LATER + DELAYS[0]
        assert tried.model_copy(update={"webhook": job.webhook}) == job

    @pytest.mark.parametrize("state", FINAL)
    def test_survives_its_way_through_redis(self, state: JobState) -> None:
        job = with_webhook(job_in(state)).record_delivery(NO, LATER).record_delivery(YES, LATER)
        assert Job.model_validate_json(job.model_dump_json()) == job


class TestAdvance:
    def test_counts_the_decoding_as_one_more_step(self) -> None:
        job = job_in(JobState.RUNNING).advance(TOKEN, STEPS)
        assert job.progress == Progress(step=STEPS, total=STEPS, fraction=0.8333)

    @pytest.mark.parametrize("step", [0, 1, 2])
    def test_never_goes_back(self, step: int) -> None:
        job = job_in(JobState.RUNNING)
        assert job.advance(TOKEN, step) is job


class TestSucceed:
    def test_ends_with_the_picture(self) -> None:
        job = job_in(JobState.RUNNING).succeed(TOKEN, make_result(), LATER)
        assert job.result == make_result()
        assert job.finished_at == LATER
        assert job.progress == Progress(step=STEPS, total=STEPS, fraction=1.0)

    def test_gives_no_picture_once_the_job_was_canceled(self) -> None:
        job = job_in(JobState.CANCELING).succeed(TOKEN, make_result(), LATER)
        assert (job.state, job.result) == (JobState.CANCELED, None)


class TestLoseLease:
    def test_starts_again_from_nothing(self) -> None:
        running = job_in(JobState.RUNNING)
        lost = Attempt(worker=WORKER, started_at=NOW, ended_at=LATER, outcome=JobState.QUEUED)
        expected = queued_job().model_copy(update={"attempts": (lost,)})
        assert running.lose_worker(MAX_ATTEMPTS, LATER) == expected

    def test_keeps_the_seed_so_that_the_next_attempt_paints_the_same(self) -> None:
        running = job_in(JobState.RUNNING)
        assert running.lose_worker(MAX_ATTEMPTS, LATER).request == running.request

    def test_shuts_the_lost_attempt_out(self) -> None:
        again = job_in(JobState.RUNNING).lose_worker(MAX_ATTEMPTS, LATER)
        taken_over = again.claim(OTHER_TOKEN, WORKER, LATER)
        with pytest.raises(AttemptLost):
            taken_over.succeed(TOKEN, make_result(), LATER)

    def test_fails_the_job_at_its_last_attempt(self) -> None:
        job = job_in(JobState.RUNNING).lose_worker(1, LATER)
        detail = "The worker was lost 1 times while it painted this picture."
        assert job.error == JobFailure(type=FailureType.WORKER_LOST, detail=detail)
        assert job.finished_at == LATER


class TestExpire:
    @pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
    def test_fails_a_job_that_is_late(self, state: JobState) -> None:
        job = job_in(state).expire(timedelta(seconds=29), LATER)
        assert job.error is not None
        assert (job.state, job.error.type) == (JobState.FAILED, FailureType.DEADLINE_EXCEEDED)

    def test_cancels_a_late_job_that_was_to_be_canceled(self) -> None:
        job = job_in(JobState.CANCELING).expire(timedelta(seconds=29), LATER)
        assert job.state is JobState.CANCELED

    @pytest.mark.parametrize("state", JobState)
    def test_leaves_a_job_alone_that_has_time_left(self, state: JobState) -> None:
        job = job_in(state)
        assert job.expire(timedelta(seconds=30), LATER) is job


class TestCancel:
    def test_of_a_running_job_gives_a_receipt_when_it_has_stopped(self) -> None:
        job = job_in(JobState.RUNNING).cancel(NOW, CancelReason.CLIENT_DISCONNECTED)
        assert job.acknowledge_cancel(TOKEN, LATER).cancellation == Cancellation(
            reason=CancelReason.CLIENT_DISCONNECTED, requested_at=NOW, step=2, worker_seconds=30
        )

    def test_of_a_waiting_job_has_cost_nothing(self) -> None:
        assert queued_job().cancel(LATER).cancellation == Cancellation(
            reason=CancelReason.REQUESTED, requested_at=LATER, step=0, worker_seconds=0
        )


class TestState:
    @pytest.mark.parametrize("state", JobState)
    def test_is_final_or_held_or_queued_and_never_two(self, state: JobState) -> None:
        assert [state.is_final, state.is_held, state is JobState.QUEUED].count(True) == 1


TOKENS = st.sampled_from([TOKEN, OTHER_TOKEN, "third"])


class JobLife(RuleBasedStateMachine):
    """Any sequence of transitions, by any of three attempts, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.job = queued_job()
        self.now = NOW

    @rule(token=TOKENS)
    def claim(self, token: str) -> None:
        self.attempt(lambda job, now: job.claim(token, WORKER, now))

    @rule(token=TOKENS, step=st.integers(0, STEPS))
    def advance(self, token: str, step: int) -> None:
        self.attempt(lambda job, _: job.advance(token, step))

    @rule(token=TOKENS)
    def succeed(self, token: str) -> None:
        self.attempt(lambda job, now: job.succeed(token, make_result(), now))

    @rule(token=TOKENS)
    def fail(self, token: str) -> None:
        self.attempt(lambda job, now: job.fail(token, FAILURE, now))

    @rule()
    def cancel(self) -> None:
        self.attempt(lambda job, now: job.cancel(now))

    @rule(token=TOKENS)
    def acknowledge_cancel(self, token: str) -> None:
        self.attempt(lambda job, now: job.acknowledge_cancel(token, now))

    @rule()
    def lose_worker(self) -> None:
        self.attempt(lambda job, now: job.lose_worker(MAX_ATTEMPTS, now))

    def attempt(self, transition: Callable[[Job, datetime], Job]) -> None:
        before, self.now = self.job, self.now + timedelta(seconds=1)
        try:
            after = transition(before, self.now)
        except TransitionRefused:
            return
        assert not before.state.is_final or after == before
        assert after.attempt >= before.attempt
        if after.attempt == before.attempt and after.state != JobState.QUEUED:
            assert after.progress.fraction >= before.progress.fraction
        self.job = after

    @invariant()
    def is_finished_exactly_when_it_is_final(self) -> None:
        assert (self.job.finished_at is not None) == self.job.state.is_final

    @invariant()
    def has_a_result_exactly_when_it_succeeded(self) -> None:
        assert (self.job.result is not None) == (self.job.state is JobState.SUCCEEDED)

    @invariant()
    def has_an_error_exactly_when_it_failed(self) -> None:
        assert (self.job.error is not None) == (self.job.state is JobState.FAILED)

    @invariant()
    def is_complete_exactly_when_it_succeeded(self) -> None:
        assert (self.job.progress.fraction == 1.0) == (self.job.state is JobState.SUCCEEDED)

    @invariant()
    def has_a_holder_while_it_is_held_and_none_while_it_waits(self) -> None:
        holder = (self.job.token, self.job.worker, self.job.started_at)
        assert not self.job.state.is_held or None not in holder
        assert self.job.state is not JobState.QUEUED or holder == (None, None, None)

    @invariant()
    def is_never_tried_too_often(self) -> None:
        assert self.job.attempt <= MAX_ATTEMPTS


TestJobLife = JobLife.TestCase
TestJobLife.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, database=None
)
