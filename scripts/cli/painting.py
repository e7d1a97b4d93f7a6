"""From a request to a picture on the disk: submit, follow, fetch; or cancel on the way."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import uuid4

from pydantic import JsonValue

from scripts.cli.client import Client
from scripts.cli.display import Display
from scripts.cli.events import Ended
from scripts.cli.failures import (
    ConnectionLost,
    Failure,
    NoPicture,
    QueueFull,
    TimedOut,
    Unreachable,
)
from scripts.cli.following import Pause, follow, patiently
from scripts.cli.job import Job
from scripts.cli.output import seconds
from shared.job_parts import JobState

_CANCEL_SECONDS = 5
_SUBMIT_TRIES = 3


@dataclass(frozen=True)
class Terms:
    """How long to try, and what becomes of the job where the user leaves before it ends."""

    timeout_seconds: float | None = None
    wait_for_room: bool = False
    keep: bool = False


@dataclass(frozen=True)
class Painter:
    """Leads one job to its end."""

    client: Client
    display: Display
    terms: Terms = Terms()
    pause: Pause = asyncio.sleep

    async def paint(self, request: Mapping[str, JsonValue]) -> tuple[Job, bytes]:
        """Submit a request; give the job that has ended, and its PNG.

        Raises:
            Failure: There is no picture.
        """
        async with self._in_time():
            job = await self._submit(request)
            async with self._left_alone(job.id):
                return await self._collect(job.id)

    async def collect(self, job_id: str) -> tuple[Job, bytes]:
        """Follow a job that is there; give it when it has ended, and its PNG.

        Raises:
            Failure: There is no picture.
        """
        async with self._in_time():
            return await self._collect(job_id)

    async def _submit(self, request: Mapping[str, JsonValue]) -> Job:
        key = str(uuid4())
        while True:
            try:
                # The key makes a second try harmless.
                return await patiently(
                    lambda: self.client.submit(request, key),
                    self.pause,
                    over=ConnectionLost,
                    tries=_SUBMIT_TRIES,
                )
            except QueueFull as full:
                if not self.terms.wait_for_room:
                    raise
                wait = full.retry_after_seconds
            except asyncio.CancelledError:
                await self._cancel_unseen(request, key)
                raise
            self.display.note(f"the queue is full, trying again in {seconds(wait)}")
            await self.pause(wait)

    async def _collect(self, job_id: str) -> tuple[Job, bytes]:
        try:
            job = await self._end_of(job_id)
            _check_success(job)
            png = await patiently(lambda: self.client.image(job_id), self.pause)
        except Unreachable as lost:
            lost.hint = f"the job goes on; semantic-bit fetch {job_id} collects it"
            raise
        return job, png

    async def _end_of(self, job_id: str) -> Job:
        async with aclosing(follow(self.client, job_id, self.pause)) as events:
            async for event in events:
                if isinstance(event, Ended):
                    return event.job
                self.display.show(event)
        raise AssertionError  # It is followed until it has ended.

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        limit = self.terms.timeout_seconds
        try:
            async with asyncio.timeout(limit):
                yield
        except TimeoutError:
            message = f"the picture was not there within {limit:g} s"
            raise TimedOut(message, hint="--timeout gives it longer") from None

    @asynccontextmanager
    async def _left_alone(self, job_id: str) -> AsyncIterator[None]:
        """Cancel the job where the user leaves it, by Ctrl-C or by --timeout."""
        try:
            yield
        except asyncio.CancelledError:
            if self.terms.keep:
                self.display.note(f"the job goes on; semantic-bit fetch {job_id} collects it")
            else:
                await self._cancel(job_id)
            raise

    async def _cancel(self, job_id: str) -> None:
        try:
            async with asyncio.timeout(_CANCEL_SECONDS):
                job = await self.client.cancel(job_id)
        except (Failure, TimeoutError) as error:
            self.display.note(f"job {job_id} could not be canceled: {error}")
        else:
            self.display.note(f"job {job_id}: {job.state}")

    async def _cancel_unseen(self, request: Mapping[str, JsonValue], key: str) -> None:
        """Cancel the job of a request whose answer has not come; its key finds it."""
        if not self.terms.keep:
            with suppress(Failure, TimeoutError):
                async with asyncio.timeout(_CANCEL_SECONDS):
                    await self._cancel((await self.client.submit(request, key)).id)


def _check_success(job: Job) -> None:
    if job.state is JobState.CANCELED:
        message = f"job {job.id} was canceled"
        raise NoPicture(message, job.as_told())
    if job.state is not JobState.SUCCEEDED:
        why = f": {job.error.detail} ({job.error.type})" if job.error else ""
        message = f"job {job.id} failed{why}"
        raise NoPicture(message, job.as_told())
