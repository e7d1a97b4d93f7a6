import httpx
import pytest

from scripts.cli.answers import failure_of, read
from scripts.cli.failures import (
    Failure,
    InvalidRequest,
    NotReady,
    QueueFull,
    Unauthorized,
    Unreachable,
)
from scripts.cli.job import Job
from tests.cli.scripted import JOB_ID, job, refusal, told

REQUEST = httpx.Request("GET", "http://service/jobs")


def answered(response: httpx.Response) -> httpx.Response:
    response.request = REQUEST
    return response


class TestFailureOf:
    @pytest.mark.parametrize(
        ("code", "error", "failure", "exit_code"),
        [
            (401, "Unauthorized", Unauthorized, 4),
            (404, "NotFound", Failure, 1),
            (410, "JobExpired", Failure, 1),
            (422, "ValidationError", InvalidRequest, 2),
            (429, "QueueFull", QueueFull, 5),
            (500, "GenerationFailed", Failure, 1),
            (503, "ModelNotLoaded", NotReady, 3),
        ],
    )
    def test_is_the_one_that_scripts_branch_on(
        self, code: int, error: str, failure: type[Failure], exit_code: int
    ) -> None:
        found = failure_of(answered(refusal(code, error, "It is so.", reason="none")))
        assert (type(found), found.exit_code, found.message) == (failure, exit_code, "It is so.")
        assert found.report == {
            "error": error,
            "code": code,
            "detail": "It is so.",
            "meta": {"reason": "none"},
        }

    @pytest.mark.parametrize(("told", "seconds"), [(7, 7), (None, 5)])
    def test_says_when_there_may_be_room(self, told: int | None, seconds: float) -> None:
        found = failure_of(answered(refusal(429, "QueueFull", retry_after=told)))
        assert isinstance(found, QueueFull)
        assert found.retry_after_seconds == seconds

    def test_names_each_field_by_its_option(self) -> None:
        errors = [
            {"loc": ["body", "num_inference_steps"], "msg": "too few", "type": "x"},
            {"loc": ["body", "webhook_url"], "msg": "not allowed", "type": "x"},
            {"loc": ["body", "guidance_scale"], "msg": "too much", "type": "x"},
        ]
        found = failure_of(answered(refusal(422, "ValidationError", errors=errors)))
        assert found.message == "--steps: too few; webhook_url: not allowed; --guidance: too much"

    @pytest.mark.parametrize(
        "response",
        [
            httpx.Response(502, text="<html>Bad Gateway</html>"),
            httpx.Response(404, json={"detail": "Not Found"}),
            httpx.Response(301, headers={"Location": "https://service/jobs"}),
        ],
    )
    def test_of_something_else_than_the_service_says_so(self, response: httpx.Response) -> None:
        found = failure_of(answered(response))
        assert isinstance(found, Unreachable)
        assert "http://service/jobs" in found.message


class TestRead:
    def test_gives_the_job_and_keeps_what_it_does_not_know(self) -> None:
        found = read(told(webhook={"state": "waiting"}), Job)
        assert found.id == JOB_ID
        assert found.as_told() == job(webhook={"state": "waiting"})

    def test_takes_no_other_page_for_an_answer(self) -> None:
        with pytest.raises(Unreachable, match="but not as Semantic Bit GPU Server does"):
            read(answered(httpx.Response(200, text="<html>Welcome</html>")), Job)
