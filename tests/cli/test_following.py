from contextlib import aclosing

import httpx
import pytest

from scripts.cli.events import Canceling, Ended, Event, Queued, Started, Step
from scripts.cli.failures import NotReady, Unauthorized, Unreachable
from scripts.cli.following import follow
from scripts.cli.job import Job
from shared.job_parts import JobState
from tests.cli.scripted import (
    JOB_ID,
    Answer,
    Pauses,
    Scripted,
    event,
    job,
    refusal,
    scripted,
    stream,
    told,
)

pytestmark = pytest.mark.anyio

QUEUED = event("queued", {"position": 1, "eta_seconds": 9.5}, number=1)
STARTED = event("started", {"attempt": 1, "eta_seconds": 5.0}, number=2)
STEP = event("step", {"step": 3, "total": 5, "fraction": 0.5, "eta_seconds": 2.0}, number=3)
ENDED = event("succeeded", job(JobState.SUCCEEDED), number=4)
BREAK = httpx.ReadError("it broke")

TOLD_QUEUED = Queued(position=1, eta_seconds=9.5)
TOLD_STARTED = Started(attempt=1, eta_seconds=5.0)
TOLD_ENDED = Ended(job=Job.model_validate(job(JobState.SUCCEEDED)))


async def follow_all(service: Scripted, pauses: Pauses | None = None) -> list[Event]:
    async with aclosing(service.client()) as client:
        return [event async for event in follow(client, JOB_ID, pauses or Pauses())]


def resumed_after(service: Scripted) -> list[str | None]:
    return [request.headers.get("last-event-id") for request in service.asked]


class TestEvents:
    async def test_are_told_until_the_job_has_ended(self) -> None:
        service = scripted(stream(QUEUED, STARTED, STEP, ENDED))
        events = await follow_all(service)
        assert [type(event) for event in events] == [Queued, Started, Step, Ended]
        assert (events[0], events[3]) == (TOLD_QUEUED, TOLD_ENDED)

    async def test_that_are_not_known_are_passed_over(self) -> None:
        preview = event("preview", {"step": 1, "image": "data:"})
        gap = event("gap", {"missed_from": 5, "missed_to": 40})
        events = await follow_all(scripted(stream(": alive\n\n", preview, gap, ": x\n\n", ENDED)))
        assert events == [TOLD_ENDED]


class TestBrokenStream:
    @pytest.mark.parametrize("error", [BREAK, None])
    async def test_is_taken_up_after_the_last_event(self, error: Exception | None) -> None:
        service = scripted(stream(QUEUED, STARTED, error=error), stream(ENDED))
        assert await follow_all(service) == [TOLD_QUEUED, TOLD_STARTED, TOLD_ENDED]
        assert resumed_after(service) == [None, "2"]

    async def test_is_taken_up_after_the_last_event_that_has_a_number(self) -> None:
        moved = event("queued", {"position": 0, "eta_seconds": 4.0})
        service = scripted(stream(QUEUED, moved, error=BREAK), stream(ENDED))
        await follow_all(service)
        assert resumed_after(service) == [None, "1"]

    async def test_may_break_as_often_as_it_gets_on(self) -> None:
        service = scripted(*[stream(STEP, error=BREAK) for _ in range(9)], stream(ENDED))
        assert len(await follow_all(service)) == 10

    async def test_is_given_up_for_asking_after_three_breaks_in_a_row(self) -> None:
        pauses = Pauses()
        breaks: list[Answer] = [
            stream(error=BREAK),
            refusal(503, "BrokerUnavailable"),
            httpx.ConnectError(""),
        ]
        service = scripted(
            *breaks, told(), told(JobState.RUNNING), told(JobState.CANCELING), told(JobState.FAILED)
        )
        events = await follow_all(service, pauses)
        assert [type(event) for event in events] == [Queued, Step, Canceling, Ended]
        assert service.asked[-1].url.params["wait"] == "2.0"
        assert pauses.passed[:3] == [0.5, 1.0, 2.0]

    async def test_with_events_that_cannot_be_read_is_given_up_too(self) -> None:
        nonsense = event("step", {"step": "three"}, number=7)
        page = httpx.Response(200, text="<html>", headers={"Content-Type": "text/html"})
        service = scripted(stream(nonsense), page, stream(nonsense), told(JobState.SUCCEEDED))
        assert await follow_all(service) == [TOLD_ENDED]

    async def test_is_not_waited_for_where_the_service_has_none(self) -> None:
        service = scripted(refusal(404, "NotFound"), told(JobState.SUCCEEDED))
        pauses = Pauses()
        assert await follow_all(service, pauses) == [TOLD_ENDED]
        assert pauses.passed == []

    async def test_tells_of_a_wrong_key_at_once(self) -> None:
        with pytest.raises(Unauthorized):
            await follow_all(scripted(refusal(401, "Unauthorized")))


class TestAsking:
    async def test_goes_on_over_a_restart_of_the_service(self) -> None:
        away = [httpx.ConnectError("") for _ in range(8)]
        service = scripted(refusal(404, "NotFound"), *away, told(JobState.SUCCEEDED))
        assert await follow_all(service) == [TOLD_ENDED]

    @pytest.mark.parametrize(
        ("answer", "failure"),
        [
            (httpx.ConnectError("refused"), Unreachable),
            (refusal(503, "BrokerUnavailable"), NotReady),
        ],
    )
    async def test_gives_up_after_about_a_minute(self, answer: Answer, failure: type) -> None:
        pauses = Pauses()
        with pytest.raises(failure):
            await follow_all(scripted(*[answer] * 40), pauses)
        assert 60 <= sum(pauses.passed) <= 70
