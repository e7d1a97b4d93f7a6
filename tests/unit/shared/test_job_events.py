from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from shared.errors import TransitionRefused
from shared.job_events import EventType, JobEvent, events_of
from shared.job_parts import JobState
from shared.jobs import Job
from tests.support.builders import (
    FAILURE,
    LATER,
    NOW,
    OTHER_TOKEN,
    STEPS,
    TOKEN,
    WORKER,
    job_in,
    make_result,
    queued_job,
)

MAX_ATTEMPTS = 2
FINAL = [state for state in JobState if state.is_final]

Move = Callable[[Job], Job]
MOVES: list[Move] = [
    lambda job: job.claim(TOKEN, WORKER, LATER),
    lambda job: job.claim(OTHER_TOKEN, WORKER, LATER),
    *(lambda job, step=step: job.advance(TOKEN, step) for step in range(STEPS + 1)),
    lambda job: job.succeed(TOKEN, make_result(), LATER),
    lambda job: job.fail(TOKEN, FAILURE, LATER),
    lambda job: job.cancel(LATER),
    lambda job: job.acknowledge_cancel(TOKEN, LATER),
    lambda job: job.lose_worker(MAX_ATTEMPTS, LATER),
    lambda job: job.expire(timedelta(seconds=29), LATER),
]


def told(before: Job, move: Move) -> list[EventType]:
    return [event.type for event in events_of(before, move(before), LATER)]


def told_data(before: Job | None, after: Job) -> dict[str, JsonValue]:
    *_, event = events_of(before, after, LATER)
    return event.data


def moved(job: Job, move: Move) -> Job:
    try:
        return move(job)
    except TransitionRefused:
        return job


class TestType:
    def test_is_final_for_the_final_states_and_no_other(self) -> None:
        final = {event_type.value for event_type in EventType if event_type.is_final}
        assert final == {state.value for state in FINAL}


class TestEventOf:
    def test_a_new_job_is_that_it_waits(self) -> None:
        assert events_of(None, queued_job(), NOW) == [JobEvent(type=EventType.QUEUED, data={})]

    @pytest.mark.parametrize(
        ("state", "move", "event_type"),
        [
            (JobState.QUEUED, lambda job: job.claim(TOKEN, WORKER, LATER), EventType.STARTED),
            (JobState.QUEUED, lambda job: job.cancel(LATER), EventType.CANCELED),
            (JobState.QUEUED, lambda job: job.expire(timedelta(), LATER), EventType.FAILED),
            (JobState.RUNNING, lambda job: job.advance(TOKEN, 3), EventType.STEP),
            (JobState.RUNNING, lambda job: job.cancel(LATER), EventType.CANCELING),
            (JobState.RUNNING, lambda job: job.lose_worker(2, LATER), EventType.QUEUED),
            (JobState.RUNNING, lambda job: job.lose_worker(1, LATER), EventType.FAILED),
            (JobState.RUNNING, lambda job: job.fail(TOKEN, FAILURE, LATER), EventType.FAILED),
            (
                JobState.RUNNING,
                lambda job: job.succeed(TOKEN, make_result(), LATER),
                EventType.SUCCEEDED,
            ),
            (JobState.CANCELING, lambda job: job.advance(TOKEN, 3), EventType.STEP),
            (
                JobState.CANCELING,
                lambda job: job.acknowledge_cancel(TOKEN, LATER),
                EventType.CANCELED,
            ),
            (JobState.CANCELING, lambda job: job.lose_worker(2, LATER), EventType.CANCELED),
        ],
    )
    def test_a_change_is_what_has_become_of_the_job(
        self, state: JobState, move: Move, event_type: EventType
    ) -> None:
        assert told(job_in(state), move)[-1:] == [event_type]

    @pytest.mark.parametrize(
        ("state", "move"),
        [
            (JobState.RUNNING, lambda job: job.claim(TOKEN, WORKER, LATER)),
            (JobState.RUNNING, lambda job: job.advance(TOKEN, 2)),
            (JobState.RUNNING, lambda job: job.advance(TOKEN, 1)),
            (JobState.RUNNING, lambda job: job.expire(timedelta(hours=1), LATER)),
            (JobState.CANCELING, lambda job: job.cancel(LATER)),
            *((state, lambda job: job.cancel(LATER)) for state in FINAL),
        ],
    )
    def test_a_move_that_leads_nowhere_is_none(self, state: JobState, move: Move) -> None:
        assert told(job_in(state), move) == []

    @given(st.lists(st.sampled_from(MOVES), max_size=20))
    @settings(max_examples=200, deadline=None, database=None)
    def test_a_life_is_one_for_each_change_of_state_and_for_each_step(
        self, moves: list[Move]
    ) -> None:
        job = queued_job()
        for move in moves:
            before, job = job, moved(job, move)
            types = [event.type for event in events_of(before, job, LATER)]
            steps = max(job.progress.step - before.progress.step, 0)
            assert types[:steps] == [EventType.STEP] * steps
            assert len(types[steps:]) == (job.state is not before.state)

    def test_of_several_steps_at_once_is_each_of_them(self) -> None:
        before = queued_job().claim(TOKEN, WORKER, NOW)
        told = events_of(before, before.advance(TOKEN, 3), LATER)
        assert [event.data["step"] for event in told] == [1, 2, 3]
        assert {event.data["total"] for event in told} == {STEPS}

    def test_of_the_end_comes_after_the_steps_that_were_not_told(self) -> None:
        before = queued_job().claim(TOKEN, WORKER, NOW).advance(TOKEN, 2)
        told = events_of(before, before.succeed(TOKEN, make_result(), LATER), LATER)
        steps = [event.data.get("step") for event in told]
        assert steps == [*range(3, STEPS + 1), None]
        assert told[-1].type is EventType.SUCCEEDED


class TestData:
    @pytest.mark.parametrize("state", [JobState.QUEUED, *FINAL])
    def test_of_a_job_that_waits_or_has_ended_is_nothing(self, state: JobState) -> None:
        assert told_data(None, job_in(state)) == {}

    def test_of_a_start_is_the_attempt_and_when_the_picture_is_expected(self) -> None:
        expected_at = LATER + timedelta(seconds=5.06)
        started = queued_job().claim(TOKEN, WORKER, LATER, expected_at=expected_at)
        assert told_data(queued_job(), started) == {"attempt": 1, "eta_seconds": 5.1}

    def test_of_a_start_knows_no_end_where_nothing_is_known(self) -> None:
        started = queued_job().claim(TOKEN, WORKER, LATER)
        assert told_data(queued_job(), started) == {"attempt": 1, "eta_seconds": None}

    def test_of_a_second_start_counts_the_first(self) -> None:
        again = job_in(JobState.RUNNING).lose_worker(MAX_ATTEMPTS, LATER)
        started = again.claim(OTHER_TOKEN, WORKER, LATER)
        assert told_data(again, started)["attempt"] == 2

    @pytest.mark.parametrize(("seconds", "eta"), [(4.44, 4.4), (-3, 0.0), (None, None)])
    def test_of_a_step_is_the_progress_and_when_the_picture_is_expected(
        self, seconds: float | None, eta: float | None
    ) -> None:
        running = job_in(JobState.RUNNING)
        expected_at = None if seconds is None else LATER + timedelta(seconds=seconds)
        advanced = running.advance(TOKEN, 3, expected_at=expected_at)
        assert told_data(running, advanced) == {
            "step": 3,
            "total": STEPS,
            "fraction": 0.5,
            "eta_seconds": eta,
        }

    def test_of_a_step_after_a_cancel_expects_no_picture(self) -> None:
        canceling = job_in(JobState.CANCELING)
        advanced = canceling.advance(TOKEN, 3, expected_at=LATER + timedelta(seconds=5))
        assert told_data(canceling, advanced)["eta_seconds"] is None

    def test_of_a_cancel_is_how_far_the_painting_was(self) -> None:
        running = job_in(JobState.RUNNING)
        assert told_data(running, running.cancel(LATER)) == {"step": 2, "total": STEPS}
