"""Waiting for jobs to end, without a thread or a connection for each who waits."""

import asyncio
from collections import defaultdict

from pydantic import ValidationError
from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool

from shared.errors import ServerStopping
from shared.job_parts import JobState
from shared.job_store import JobStore
from shared.jobs import Job

_FINAL_STATES = frozenset(state.value for state in JobState if state.is_final)
_BATCH = 200


class Waiter:
    """Gives those who wait for a job its record when it has ended, or has them read it again."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._waiting: defaultdict[str, set[asyncio.Future[Job | None]]] = defaultdict(set)
        self._stopping = False

    async def wait(self, job_id: str) -> Job:
        """Wait until the job has ended, without end; the caller sets the limit.

        Raises:
            JobNotFound: There was never such a job.
            JobExpired: It ended, and its record is gone.
            ServerStopping: This process is being stopped; the job goes on.
        """
        while True:
            # Registered before the record is read, so that no end falls between the two.
            woken: asyncio.Future[Job | None] = asyncio.get_running_loop().create_future()
            self._waiting[job_id].add(woken)
            try:
                job = await self._look(job_id)
                if job is not None and job.state.is_final:
                    return job
                if self._stopping:
                    raise ServerStopping(job_id)
                if (ended := await woken) is not None:
                    return ended
            finally:
                self._forget(job_id, woken)

    async def _look(self, job_id: str) -> Job | None:
        try:
            return await run_in_threadpool(self._store.get, job_id)
        except RedisError:
            return None  # The job goes on; the next subscription looks again.

    def stop(self) -> None:
        """Wake everybody: those whose job has not ended are told that the server stops."""
        self._stopping = True
        for job_id in list(self._waiting):
            self._wake(job_id)

    def changed(self, job_id: str, word: str) -> None:
        """Wake those who wait for this job, if it has ended."""
        if word in _FINAL_STATES:
            self._wake(job_id)

    def ended(self, job_id: str, record: str) -> None:
        """Give those who wait for this job its record, if this version can read it."""
        if job_id in self._waiting:
            try:
                self._wake(job_id, Job.model_validate_json(record))
            except ValidationError:
                self._wake(job_id)

    async def sweep(self) -> None:
        """Wake those whose job has ended without a word.

        Raises:
            RedisError: Redis does not answer.
        """
        ids = list(self._waiting)
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            jobs = await run_in_threadpool(self._store.get_many, batch)
            for job_id, job in zip(batch, jobs, strict=True):
                if job is None or job.state.is_final:
                    self._wake(job_id)

    def _wake(self, job_id: str, ended: Job | None = None) -> None:
        for woken in self._waiting.get(job_id, ()):
            if not woken.done():
                woken.set_result(ended)

    def _forget(self, job_id: str, woken: asyncio.Future[Job | None]) -> None:
        self._waiting[job_id].discard(woken)
        if not self._waiting[job_id]:
            del self._waiting[job_id]
