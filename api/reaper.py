"""Brings back jobs whose worker fell silent, and messages that were lost on the way."""

import asyncio

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool

from shared.errors import ServiceError, TransitionRefused
from shared.job_queue import JobQueue
from shared.job_store import JobStore
from shared.jobs import Job, JobState
from shared.log import get_logger

_log = get_logger(__name__)

_SWEEP_SECONDS = 2.0


class Reaper:
    """Sweeps every few seconds; any number of them may run beside each other."""

    def __init__(self, store: JobStore, queue: JobQueue, *, max_attempts: int) -> None:
        self._store = store
        self._queue = queue
        self._max_attempts = max_attempts
        self._missing: set[str] = set()

    async def run(self) -> None:
        """Sweep until canceled."""
        while True:
            try:
                await run_in_threadpool(self.sweep)
            except (RedisError, OperationalError) as error:
                _log.warning("sweep failed", reason=type(error).__name__)
            await asyncio.sleep(_SWEEP_SECONDS)

    def sweep(self) -> None:
        """Requeue what lost its lease, then send again what has no message.

        Raises:
            RedisError: Redis does not answer.
            OperationalError: It does not take a message.
        """
        for job_id in self._store.lost_ids():
            self._requeue(job_id)
        # One that misses its message twice has lost it; the first time it may be on its way.
        missing = set(self._store.queued_ids()) - self._queue.waiting_ids()
        for job in self._store.get_many(sorted(missing & self._missing)):
            if job is not None and job.state is JobState.QUEUED:
                self._queue.put(job)
                _log.warning("message sent again", job_id=job.id)
        self._missing = missing

    def _requeue(self, job_id: str) -> None:
        try:
            job = self._store.update(
                job_id, lambda job, now: job.lose_lease(self._max_attempts, now)
            )
        except (TransitionRefused, ServiceError):
            return  # Its worker, or another reaper, was faster.
        _log.warning("lease lost", job_id=job_id, attempt=job.attempt, state=job.state.value)
        self._wake_worker_for(job)

    def _wake_worker_for(self, job: Job) -> None:
        if job.state is JobState.QUEUED:
            self._queue.put(job)
