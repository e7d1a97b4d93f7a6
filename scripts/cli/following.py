"""What happens to a job until it has ended, whatever happens to the connection."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from httpx_sse import ServerSentEvent
from pydantic import BaseModel, ValidationError

from scripts.cli.client import Client
from scripts.cli.failures import ConnectionLost, Failure, Unauthorized, Unreachable
from scripts.cli.job import Job, Told
from shared.job_parts import JobState

Pause = Callable[[float], Awaitable[None]]
"""Lets seconds pass; tests pass one that does not."""

Answer = TypeVar("Answer")

STREAM_TRIES = 3
_POLL_SECONDS = 2.0
# About a minute in all: a restart of the service, or of its Redis.
_PATIENCE = (0.5, 1.0, 2.0, 4.0, *([5.0] * 11))


class Queued(Told):
    """It waits."""

    position: int | None
    eta_seconds: float | None


class Started(Told):
    """A worker has it."""

    attempt: int
    eta_seconds: float | None = None


class Step(Told):
    """A sampler step is done."""

    step: int
    total: int
    eta_seconds: float | None = None


class Canceling(Told):
    """It stops at its next step."""

    step: int
    total: int


class Ended(BaseModel):
    """Nothing comes after this."""

    job: Job


Event = Queued | Started | Step | Canceling | Ended

_KINDS: dict[str, type[Queued | Started | Step | Canceling]] = {
    "queued": Queued,
    "started": Started,
    "step": Step,
    "canceling": Canceling,
}
_FINAL = frozenset(state.value for state in JobState if state.is_final)


async def follow(
    client: Client, job_id: str, pause: Pause = asyncio.sleep
) -> AsyncGenerator[Event]:
    """Tell what happens to a job; where the events break for good, by asking again and again.

    Raises:
        Failure: The service does not answer any more, or knows no such job.
    """
    async with aclosing(_streamed(client, job_id, pause)) as events:
        async for event in events:
            yield event
            if isinstance(event, Ended):
                return
    async with aclosing(_polled(client, job_id, pause)) as events:
        async for event in events:
            yield event


async def patiently(
    call: Callable[[], Awaitable[Answer]],
    pause: Pause,
    *,
    over: type[Failure] = Unreachable,
    tries: int = len(_PATIENCE),
) -> Answer:
    """Call again, for about a minute or as often as is said, where the service is away.

    Raises:
        Failure: It stays away, or refuses.
    """
    for seconds in _PATIENCE[: tries - 1]:
        try:
            return await call()
        except over:
            await pause(seconds)
    return await call()


async def _streamed(client: Client, job_id: str, pause: Pause) -> AsyncGenerator[Event]:
    """Read the events; a broken stream is taken up where it broke, a few times in a row."""
    last_id = ""
    failures = 0
    while failures < STREAM_TRIES:
        try:
            async with aclosing(client.events(job_id, last_id)) as messages:
                async for message in messages:
                    last_id = message.id or last_id
                    if event := _event(message):
                        failures = 0
                        yield event
        except Unauthorized:
            raise
        except Unreachable:
            pass  # Counted below, as a stream that ends too early is.
        except Failure:
            return  # A service without events; what else it may be, asking for the job tells.
        await pause(_PATIENCE[failures])
        failures += 1


async def _polled(client: Client, job_id: str, pause: Pause) -> AsyncGenerator[Event]:
    while True:
        job = await patiently(lambda: client.get(job_id, wait_seconds=_POLL_SECONDS), pause)
        yield _as_event(job)
        if job.state.is_final:
            return
        await pause(_PATIENCE[0])  # Also where something between us and the service cuts waits.


def _event(message: ServerSentEvent) -> Event | None:
    """Give what a message tells; None for what this program has no use for."""
    try:
        if message.event in _FINAL:
            return Ended(job=Job.model_validate_json(message.data))
        if kind := _KINDS.get(message.event):
            return kind.model_validate_json(message.data)
    except ValidationError:
        reason = f"the service sent an event {message.event!r} that cannot be read"
        raise ConnectionLost(reason) from None
    return None


def _as_event(job: Job) -> Event:
    step, total = job.progress.step, job.progress.total
    match job.state:
        case JobState.QUEUED:
            return Queued(position=job.position, eta_seconds=job.eta_seconds)
        case JobState.RUNNING:
            return Step(step=step, total=total, eta_seconds=job.eta_seconds)
        case JobState.CANCELING:
            return Canceling(step=step, total=total)
        case _:
            return Ended(job=job)
