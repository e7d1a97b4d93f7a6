import pytest

from shared.job_parts import JobState
from shared.job_view import JobView
from shared.webhook import Delivery, Webhook
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
)


def view_of(
    state: JobState, position: int | None = None, eta_seconds: float | None = None
) -> JobView:
    return JobView.of(job_in(state), position, eta_seconds)


class TestJobView:
    def test_shows_the_whole_of_a_job_that_waits(self) -> None:
        assert view_of(JobState.QUEUED, 0, 12.5).model_dump(mode="json") == {
            "id": "job-1",
            "state": "queued",
            "created_at": "2026-01-02T03:04:05.678901Z",
            "started_at": None,
            "finished_at": None,
            "position": 0,
            "eta_seconds": 12.5,
            "progress": {"step": 0, "total": STEPS, "fraction": 0.0},
            "attempt": 0,
            "attempts": [],
            "request": make_request().model_dump(mode="json"),
            "priority": "normal",
            "result": None,
            "error": None,
            "cancellation": None,
            "webhook": None,
            "urls": {
                "self": "/jobs/job-1",
                "image": "/jobs/job-1/image",
                "events": "/jobs/job-1/events",
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

    def test_shows_who_is_told_of_the_end(self) -> None:
        webhook = Webhook(
            url="https://receiver.example/hook",
            deliveries=(Delivery(at=NOW, status=503, error="answered 503"),),
            next_at=LATER,
        )
        job = job_in(JobState.FAILED).model_copy(update={"webhook": webhook})
        shown = JobView.of(job).model_dump(mode="json")
        assert shown["webhook"] == {
            "url": "https://receiver.example/hook",
            "state": "waiting",
            "deliveries": [
                {"at": "2026-01-02T03:04:05.678901Z", "status": 503, "error": "answered 503"}
            ],
            "next_at": "2026-01-02T03:04:35.678901Z",
        }
