import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx
import pytest

from scripts.cli.events import Event
from scripts.cli.failures import (
    ConnectionLost,
    Failure,
    NoPicture,
    QueueFull,
    TimedOut,
    Unreachable,
)
from scripts.cli.painting import Painter, Terms
from shared.job_parts import JobState
from tests.cli.scripted import (
    JOB_ID,
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

REQUEST = {"prompt": "a red apple"}
PNG = httpx.Response(200, content=b"PNG")


class Notes:
    """Keeps what it is to show."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def show(self, event: Event) -> None:
        pass

    def note(self, text: str) -> None:
        self.notes.append(text)


def ended(state: JobState = JobState.SUCCEEDED) -> httpx.Response:
    return stream(event(state.value, job(state), number=1))


async def paint(
    service: Scripted, terms: Terms | None = None, pauses: Pauses | None = None
) -> tuple[bytes, list[str]]:
    notes = Notes()
    async with aclosing(service.client()) as client:
        painter = Painter(client, notes, terms or Terms(), pauses or Pauses())
        _, png = await painter.paint(REQUEST)
    return png, notes.notes


def methods(service: Scripted) -> list[str]:
    return [request.method for request in service.asked]


class TestPaint:
    async def test_submits_follows_and_fetches(self) -> None:
        service = scripted(told(), ended(), PNG)
        assert (await paint(service))[0] == b"PNG"
        assert [request.url.path for request in service.asked] == [
            "/jobs",
            f"/jobs/{JOB_ID}/events",
            f"/jobs/{JOB_ID}/image",
        ]
        assert {request.headers["authorization"] for request in service.asked} == {"Bearer key"}

    async def test_submits_again_with_the_same_key_where_the_answer_was_lost(self) -> None:
        service = scripted(httpx.ReadError(""), told(), ended(), PNG)
        await paint(service)
        first, second = (request.headers["idempotency-key"] for request in service.asked[:2])
        assert first == second

    async def test_does_not_submit_for_ever(self) -> None:
        service = scripted(*[httpx.ReadError("") for _ in range(9)])
        with pytest.raises(ConnectionLost):
            await paint(service)
        assert len(service.asked) == 3

    async def test_fetches_again_where_the_picture_was_cut_off(self) -> None:
        service = scripted(told(), ended(), httpx.RemoteProtocolError("incomplete"), PNG)
        assert (await paint(service))[0] == b"PNG"

    @pytest.mark.parametrize(
        ("state", "said"),
        [
            (JobState.FAILED, "failed: The model gave no finite picture. (nan_output)"),
            (JobState.CANCELED, "was canceled"),
        ],
    )
    async def test_says_why_there_is_no_picture(self, state: JobState, said: str) -> None:
        with pytest.raises(NoPicture) as failure:
            await paint(scripted(told(), ended(state)))
        assert said in failure.value.message
        assert failure.value.report == {**job(state), "file": None}

    async def test_says_how_to_collect_the_picture_where_the_service_is_lost(self) -> None:
        service = scripted(told(), *[httpx.ConnectError("") for _ in range(40)])
        with pytest.raises(Unreachable) as failure:
            await paint(service)
        assert failure.value.hint == f"the job goes on; semantic-bit fetch {JOB_ID} collects it"


class TestFullQueue:
    async def test_is_a_failure_that_says_when_there_may_be_room(self) -> None:
        with pytest.raises(QueueFull) as failure:
            await paint(scripted(refusal(429, "QueueFull", retry_after=7)))
        assert failure.value.hint == "try again in 7 s, or let --wait-for-room do it"

    async def test_is_waited_for_as_long_as_the_service_says(self) -> None:
        full = [refusal(429, "QueueFull", retry_after=seconds) for seconds in (7, 3)]
        pauses = Pauses()
        service = scripted(*full, told(), ended(), PNG)
        _, notes = await paint(service, Terms(wait_for_room=True), pauses)
        assert pauses.passed == [7, 3]
        assert notes == [f"the queue is full, trying again in {s}.0 s" for s in (7, 3)]


class Hanging(httpx.AsyncByteStream):
    """Says nothing and does not end; tells when it is read."""

    def __init__(self) -> None:
        self.is_read = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.is_read.set()
        await asyncio.Event().wait()
        yield b""


def hanging() -> httpx.Response:
    headers = {"Content-Type": "text/event-stream"}
    return httpx.Response(200, stream=Hanging(), headers=headers)


class TestLeaving:
    async def test_at_the_end_of_the_time_cancels_the_job(self) -> None:
        service = scripted(told(), hanging(), told(JobState.CANCELED))
        with pytest.raises(TimedOut, match=r"within 0\.05 s"):
            await paint(service, Terms(timeout_seconds=0.05))
        assert methods(service) == ["POST", "GET", "DELETE"]

    async def test_by_ctrl_c_cancels_the_job(self) -> None:
        body = Hanging()
        answer = httpx.Response(200, stream=body, headers={"Content-Type": "text/event-stream"})
        service = scripted(told(), answer, told(JobState.CANCELED))
        task = asyncio.create_task(paint(service))
        await body.is_read.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert methods(service) == ["POST", "GET", "DELETE"]

    async def test_leaves_the_job_alone_where_it_is_to_be_kept(self) -> None:
        service = scripted(told(), hanging())
        with pytest.raises(TimedOut):
            await paint(service, Terms(timeout_seconds=0.05, keep=True))
        assert methods(service) == ["POST", "GET"]

    async def test_while_the_answer_is_awaited_cancels_the_job_that_its_key_finds(self) -> None:
        service = Unanswered()
        with pytest.raises(TimedOut):
            await paint(service, Terms(timeout_seconds=0.05))
        assert methods(service) == ["POST", "POST", "DELETE"]
        assert len({request.headers["idempotency-key"] for request in service.asked[:2]}) == 1

    async def test_survives_that_the_job_cannot_be_canceled(self) -> None:
        service = scripted(told(), hanging(), httpx.ConnectError(""))
        with pytest.raises(TimedOut):
            await paint(service, Terms(timeout_seconds=0.05))


class Unanswered(Scripted):
    """Takes its first request and does not answer it."""

    def __init__(self) -> None:
        super().__init__(iter([told(), told(JobState.CANCELED)]))

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if not self.asked:
            self.asked.append(request)
            await asyncio.Event().wait()
        return await super().__call__(request)


class TestCollect:
    async def test_waits_for_a_job_that_is_there(self) -> None:
        async with aclosing(scripted(ended(), PNG).client()) as client:
            _, png = await Painter(client, Notes(), pause=Pauses()).collect(JOB_ID)
        assert png == b"PNG"

    async def test_tells_of_a_job_that_is_gone(self) -> None:
        gone = [refusal(410, "JobExpired", "It has expired.") for _ in range(2)]
        async with aclosing(scripted(*gone).client()) as client:
            with pytest.raises(Failure, match=r"It has expired\."):
                await Painter(client, Notes(), pause=Pauses()).collect(JOB_ID)
