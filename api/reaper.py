"""Brings back jobs of silent workers and lost messages, sends due deliveries, ends late jobs."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from time import monotonic

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool

from shared.dispatcher import Dispatcher
from shared.errors import JobExpired, JobNotFound
from shared.job_context import ids_of
from shared.job_listing import JobListing
from shared.job_parts import FailureType, JobState
from shared.job_queue import JobQueue
from shared.job_store import JobStore
from shared.log import get_logger
from shared.recovery import Recovery
from shared.worker_registry import WorkerRegistry

_log = get_logger(__name__)

# Where nobody delivers, the messages that wait do not become more than this.
_MOST_DELIVERIES = 100


class Reaper:
    """Sweeps every few seconds; any number of them may run beside each other."""

    def __init__(
        self,
        store: JobStore,
        queue: JobQueue,
        listing: JobListing,
        workers: WorkerRegistry,
        *,
        max_attempts: int,
        job_timeout: float,
        lease_seconds: float,
        sweep_seconds: float = 2.0,
    ) -> None:
        self._store = store
        self._queue = queue
        self._listing = listing
        self._dispatcher = Dispatcher(store, queue, workers)
        self._recovery = Recovery(store, self._dispatcher, max_attempts=max_attempts)
        self._job_timeout = timedelta(seconds=job_timeout)
        self._lease_seconds = lease_seconds
        self._sweep_seconds = sweep_seconds
        self._missing: set[str] = set()

    async def run(self) -> None:
        """Sweep until canceled."""
        trust_leases_from = 0.0
        while True:
            try:
                await run_in_threadpool(self.sweep, leases=monotonic() >= trust_leases_from)
            except (RedisError, OperationalError) as error:
                _log.warning("sweep failed", reason=type(error).__name__)
                # Nobody could renew either: give the workers a lease's time to come back.
                trust_leases_from = monotonic() + self._lease_seconds
            except Exception:  # noqa: BLE001  # Nothing may end all recovery.
                _log.exception("sweep failed")
            await asyncio.sleep(self._sweep_seconds)

    def sweep(self, *, leases: bool = True) -> None:
        """End what is late, requeue what lost its lease, send what has no message or is due.

        Raises:
            RedisError: Redis does not answer.
            OperationalError: It does not take a message.
        """
        self._store.settle()
        self._for_each(self._store.unfinished_ids(older_than=self._job_timeout), self._expire)
        if leases:
            self._for_each(self._store.lost_ids(), self._recovery.requeue_lost)
        self._send_missing()
        self._listing.purge()
        self._send_deliveries()

    def _for_each(self, job_ids: list[str], act: Callable[[str], None]) -> None:
        for job_id in job_ids:
            try:
                act(job_id)
            except (RedisError, OperationalError):
                raise
            except Exception:  # noqa: BLE001  # One bad record must not keep the others waiting.
                _log.exception("sweep failed", job_id=job_id)

    def _expire(self, job_id: str) -> None:
        try:
            job = self._store.update(job_id, lambda job, now: job.expire(self._job_timeout, now))
        except (JobNotFound, JobExpired):
            self._store.forget(job_id)
            _log.error("the record of an unfinished job is gone", job_id=job_id)
            return
        if job.error is not None and job.error.type is FailureType.DEADLINE_EXCEEDED:
            _log.warning("deadline exceeded", attempt=job.attempt, **ids_of(job))

    def _send_missing(self) -> None:
        # One that misses its message twice has lost it; the first time it may be on its way.
        sent = self._store.sent()
        missing = sent.keys() - self._queue.waiting_ids(sorted(set(sent.values())))
        for job in self._store.get_many(sorted(missing & self._missing)):
            if job is not None and job.state is JobState.QUEUED:
                self._queue.put(job, sent[job.id])
                _log.warning("message sent again", **ids_of(job))
        self._missing = missing
        self._dispatcher.dispatch()

    def _send_deliveries(self) -> None:
        limit = max(0, _MOST_DELIVERIES - self._queue.count_deliveries())
        for job_id in self._store.claim_due_deliveries(limit=limit):
            self._queue.put_delivery(job_id)
