"""A client that waits for its picture, and what becomes of the job when it leaves."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from fastapi import Request
from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool

from api.audience import Audience
from api.job_service import JobService
from api.waiter import Waiter
from shared.errors import GenerationTimeout
from shared.job_parts import CancelReason
from shared.jobs import Job

_Answer = TypeVar("_Answer")


class ClientDisconnected(Exception):
    """The client closed its connection before the answer was there."""


class BlockingCall:
    """Waits on behalf of clients, for a limited time each."""

    def __init__(
        self, jobs: JobService, waiter: Waiter, audience: Audience, *, timeout_seconds: float
    ) -> None:
        self._jobs = jobs
        self._waiter = waiter
        self._audience = audience
        self.timeout_seconds = timeout_seconds

    def keep(self, job: Job) -> None:
        """Let the job go on whoever leaves: somebody means to come back for it."""
        self.enter(job)  # And never leaves.

    def enter(self, job: Job) -> None:
        """Count one in who waits for the job."""
        if _is_shared(job):
            self._audience.enter(job.id)

    def leave(self, job: Job, abandoned: CancelReason | None) -> None:
        """Count one out; a job that was `abandoned` and that nobody else waits for is canceled."""
        with suppress(RedisError):  # The answer is there, or nobody reads it.
            others = self._audience.leave(job.id) if _is_shared(job) else 0
            if abandoned and others <= 0:
                self._jobs.cancel(job.id, abandoned)

    async def wait(self, job: Job, connection: Request, *, cancel_if_left: bool) -> Job:
        """Wait for the job's end.

        Raises:
            GenerationTimeout: The time is up; the job goes on.
            ClientDisconnected: The client left; with `cancel_if_left` the job is canceled, unless
                others with the same idempotency key want it too.
            ServerStopping: This process is being stopped; the job goes on.
        """
        if _is_shared(job):
            await run_in_threadpool(self.enter, job)
        if not cancel_if_left:
            return await self._wait(job, connection)  # And never leaves.
        abandoned = None
        try:
            return await self._wait(job, connection)
        except ClientDisconnected:
            abandoned = CancelReason.CLIENT_DISCONNECTED
            raise
        finally:
            if abandoned or _is_shared(job):
                await run_in_threadpool(self.leave, job, abandoned)

    async def wait_again(
        self,
        job: Job,
        connection: Request,
        submit: Callable[[], Job],
        *,
        cancel_if_left: bool,
    ) -> Job:
        """Wait for a job's end; where another call with its key abandons it, submit it again.

        Raises:
            ServiceError: As `wait` does, or `submit`.
            ClientDisconnected: As `wait` does.
        """
        ended = await self.wait(job, connection, cancel_if_left=cancel_if_left)
        while ended.was_abandoned:  # In the moment that this call came.
            job = await run_in_threadpool(submit)
            ended = await self.wait(job, connection, cancel_if_left=cancel_if_left)
        return ended

    async def _wait(self, job: Job, connection: Request) -> Job:
        try:
            async with asyncio.timeout(self.timeout_seconds):
                return await _while_connected(connection, self._waiter.wait(job.id))
        except TimeoutError:
            raise GenerationTimeout(job.id, self.timeout_seconds) from None


def _is_shared(job: Job) -> bool:
    return job.idempotency is not None


async def _while_connected(request: Request, work: Coroutine[Any, Any, _Answer]) -> _Answer:
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnected
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()


async def _left(request: Request) -> None:
    # The body has been read, so the next message that means anything is the end.
    while (await request.receive())["type"] != "http.disconnect":
        pass
