import pytest

from api.job_view import JobView
from shared.job_parts import JobState
from tests.support.builders import (
    FAILURE,
    NOW,
    OTHER_TOKEN,
    STEPS,
    TOKEN,
    WORKER,
    job_in,
    make_request,
    make_result,
)

SECONDS_PER_JOB = 12.0


def view_of(state: JobState, position: int | None = None) -> JobView:
    return JobView.of(job_in(state), position, SECONDS_PER_JOB)


class TestJobView:
    def test_shows_the_whole_of_a_job_that_waits(self) -> None:
        assert view_of(JobState.QUEUED, 0).model_dump(mode="json") == {
            "id": "job-1",
            "state": "queued",
            "created_at": "2026-01-02T03:04:05.678901Z",
            "started_at": None,
            "finished_at": None,
            "position": 0,
            "eta_seconds": 24.0,
            "progress": {"step": 0, "total": STEPS, "fraction": 0.0},
            "attempt": 0,
            "attempts": [],
            "request": make_request().model_dump(mode="json"),
            "result": None,
            "error": None,
            "cancellation": None,
            "urls": {
                "self": "/jobs/job-1",
                "image": "/jobs/job-1/image",
                "cancel": "/jobs/job-1",
            },
        }

    @pytest.mark.parametrize("state", JobState)
    def test_keeps_the_token_and_the_worker_to_itself(self, state: JobState) -> None:
        shown = view_of(state).model_dump_json()
        assert [secret for secret in (TOKEN, OTHER_TOKEN, WORKER) if secret in shown] == []

    def test_shows_how_a_picture_was_made(self) -> None:
        view = view_of(JobState.SUCCEEDED)
        assert (view.result, view.error, view.finished_at) == (make_result(), None, NOW)

    def test_shows_why_there_is_none(self) -> None:
        view = view_of(JobState.FAILED)
        assert (view.result, view.error, view.finished_at) == (None, FAILURE, NOW)


class TestEta:
    @pytest.mark.parametrize(("position", "eta"), [(0, 24.0), (1, 36.0), (9, 132.0)])
    def test_counts_the_jobs_before_this_one(self, position: int, eta: float) -> None:
        assert view_of(JobState.QUEUED, position).eta_seconds == eta

    @pytest.mark.parametrize("state", [JobState.RUNNING, JobState.CANCELING])
    def test_is_what_remains_of_a_job_that_runs(self, state: JobState) -> None:
        assert view_of(state).eta_seconds == pytest.approx(12 * (1 - 2 / (STEPS + 1)), abs=0.1)

    @pytest.mark.parametrize("state", [state for state in JobState if state.is_final])
    def test_is_null_once_the_job_has_ended(self, state: JobState) -> None:
        assert view_of(state).eta_seconds is None
