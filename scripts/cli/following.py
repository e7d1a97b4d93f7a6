"""What happens to a job until it has ended, whatever happens to the connection."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from scripts.cli.client import Client
from scripts.cli.events import Ended, Event, event_of, read_event
from scripts.cli.failures import Failure, Unauthorized, Unreachable

Pause = Callable[[float], Awaitable[None]]
"""Lets seconds pass; tests pass one that does not."""

Answer = TypeVar("Answer")

STREAM_TRIES = 3
_POLL_SECONDS = 2.0
# About a minute in all: a restart of the service, or of its Redis.
_PATIENCE = (0.5, 1.0, 2.0, 4.0, *([5.0] * 11))


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
                    if event := read_event(message):
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
        yield event_of(job)
        if job.state.is_final:
            return
        await pause(_PATIENCE[0])  # Also where something between us and the service cuts waits.
