"""A service that answers as a test has written down, without a network."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

import httpx

from scripts.cli.client import Client
from shared.job_parts import JobState
from tests.support.builders import BUILD, TIMINGS

JOB_ID = "0c0ffee0-0000-4000-8000-000000000000"
Answer = httpx.Response | Exception


@dataclass
class Scripted:
    """Gives its answers one after the other, each to whatever is asked; keeps what was asked."""

    answers: Iterator[Answer]
    asked: list[httpx.Request] = field(default_factory=list)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self) -> Client:
        return Client("http://service", "key", httpx.MockTransport(self))


def scripted(*answers: Answer) -> Scripted:
    return Scripted(iter(answers))


@dataclass
class Pauses:
    """Lets time pass at once, and remembers how much."""

    passed: list[float] = field(default_factory=list)
    then: Callable[[], None] = lambda: None

    async def __call__(self, seconds: float) -> None:
        self.passed.append(seconds)
        self.then()


class Stream(httpx.AsyncByteStream):
    """A stream of events that ends, or breaks with an error."""

    def __init__(self, events: str, error: Exception | None = None) -> None:
        self._events = events
        self._error = error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._events.encode()
        if self._error is not None:
            raise self._error


def stream(*events: str, error: Exception | None = None) -> httpx.Response:
    headers = {"Content-Type": "text/event-stream"}
    return httpx.Response(200, headers=headers, stream=Stream("".join(events), error))


def event(kind: str, data: dict[str, object], *, number: int | None = None) -> str:
    head = "" if number is None else f"id: {number}\n"
    return f"{head}event: {kind}\ndata: {json.dumps(data)}\n\n"


def job(state: JobState = JobState.QUEUED, **changes: object) -> dict[str, object]:
    """Give a job as the service tells it."""
    succeeded = state is JobState.SUCCEEDED
    return {
        "id": JOB_ID,
        "state": state.value,
        "created_at": "2026-01-02T03:04:05Z",
        "position": 1 if state is JobState.QUEUED else None,
        "eta_seconds": None if state.is_final else 5.5,
        "progress": {"step": 2, "total": 5, "fraction": 0.3333},
        "attempt": 1,
        "request": {
            "prompt": "a red apple",
            "negative_prompt": None,
            "num_inference_steps": 5,
            "guidance_scale": 7.0,
            "height": 256,
            "width": 264,
            "seed": 42,
            "scheduler": "dpmsolver++",
        },
        "result": {"build": BUILD.model_dump(), "timings": TIMINGS.model_dump()}
        if succeeded
        else None,
        "error": {"type": "nan_output", "detail": "The model gave no finite picture."}
        if state is JobState.FAILED
        else None,
        **changes,
    }


def told(state: JobState = JobState.QUEUED, **changes: object) -> httpx.Response:
    return httpx.Response(200, json=job(state, **changes))


def refusal(
    code: int, error: str, detail: str = "No.", *, retry_after: int | None = None, **meta: object
) -> httpx.Response:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    body = {"error": error, "code": code, "detail": detail, "meta": meta or None}
    return httpx.Response(code, json=body, headers=headers)
