"""Several pictures of one call: all of them are admitted, or none."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from api.blocking_call import BlockingCall
from api.idempotency import IdempotencyKey
from api.job_submission import JobSubmission
from api.own_jobs import OwnJobs
from shared.errors import GenerationTimeout, SeriesTimeout
from shared.generation import GenerationRequest, GenerationResult
from shared.job_parts import CancelReason
from shared.jobs import Job

MAX_PICTURES = 10
"""Of one call."""

HIGHEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Picture:
    """A finished picture and the job that painted it."""

    job: Job
    png: bytes

    @property
    def result(self) -> GenerationResult:
        """How it was made."""
        assert self.job.result is not None
        return self.job.result


@dataclass(frozen=True)
class _Wish:
    request: GenerationRequest
    key: IdempotencyKey | None


def repeated(request: GenerationRequest, count: int) -> list[GenerationRequest]:
    """Give the request `count` times, with the seeds seed, seed + 1, … where it has one."""
    if request.seed is None:
        return [request] * count
    seeds = range(request.seed, request.seed + count)
    return [request.model_copy(update={"seed": seed}) for seed in seeds]


class Series:
    """Paints the pictures of one call, each as a job of its own."""

    def __init__(self, jobs: OwnJobs, call: BlockingCall) -> None:
        self._jobs = jobs
        self._call = call

    async def paint(
        self,
        requests: Sequence[GenerationRequest],
        connection: Request,
        key: IdempotencyKey | None = None,
    ) -> list[Picture]:
        """Wait for all pictures; the k-th of the same key is the same job.

        Raises:
            ServiceError: One of them was not admitted, is not there in time, or failed.
            ClientDisconnected: The client left; the jobs are canceled.
        """
        wishes = [
            _Wish(request, key.of_picture(index) if key else None)
            for index, request in enumerate(requests)
        ]
        jobs = await run_in_threadpool(self._admit, wishes)
        waits = [self._wait(wish, job, connection) for wish, job in zip(wishes, jobs, strict=True)]
        ends = await asyncio.gather(*waits, return_exceptions=True)
        return await run_in_threadpool(self._collect, jobs, ends)

    def submit(self, request: GenerationRequest, key: IdempotencyKey | None = None) -> Job:
        """Queue a single picture that is not waited for here, with the key of a first."""
        return self._submit(_Wish(request, key.of_picture(0) if key else None))

    def _submit(self, wish: _Wish) -> Job:
        return self._jobs.submit(JobSubmission.of(wish.request), wish.key)

    def _admit(self, wishes: Sequence[_Wish]) -> list[Job]:
        admitted: list[Job] = []
        try:
            for wish in wishes:
                admitted.append(self._submit(wish))  # noqa: PERF401  # Known if the next fails.
        except Exception:
            for job in admitted:
                self._call.enter(job)
                self._call.leave(job, CancelReason.SERIES_REFUSED)
            raise
        return admitted

    async def _wait(self, wish: _Wish, job: Job, connection: Request) -> Job:
        return await self._call.wait_again(
            job, connection, lambda: self._submit(wish), cancel_if_left=True
        )

    def _collect(self, jobs: Sequence[Job], ends: Sequence[Job | BaseException]) -> list[Picture]:
        late = [
            job.id
            for job, end in zip(jobs, ends, strict=True)
            if isinstance(end, GenerationTimeout)
        ]
        if len(late) > 1:
            raise SeriesTimeout(late, self._call.timeout_seconds)
        ended = []
        for end in ends:
            if isinstance(end, BaseException):
                raise end
            ended.append(end)
        return [Picture(job, self._jobs.image(job).read()) for job in ended]
