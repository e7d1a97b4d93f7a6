"""Which jobs in line are painted together with one that was claimed."""

import time
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from itertools import takewhile

from shared.job_store import JobStore
from shared.jobs import Job
from worker.painting import Paints

WAIT_SECONDS = 0.005
"""For more jobs where few wait: clients that ask at once do not ask in the same moment."""

_SEEN = 256  # Of the line, as far as one worker looks.

Beside = Callable[[Job], Sequence[str]]
"""Gives the ids of the jobs to paint with this one."""


def alone(_job: Job) -> list[str]:
    """Paint each job by itself."""
    return []


class Batches:
    """Fills batches from the front of the line, as far as it goes: no job overtakes another."""

    def __init__(
        self,
        store: JobStore,
        pipeline: Paints,
        *,
        limit: int,
        models: Collection[str],
        workers: Callable[[], int],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Have at most `limit` pictures in a batch.

        `models` are those that this worker serves: jobs of others are not in its line, which it
        shares with as many as `workers` says, itself included.
        """
        self._store = store
        self._pipeline = pipeline
        self._limit = limit
        self._models = models
        self._workers = workers
        self._sleep = sleep

    def beside(self, first: Job) -> list[str]:
        """Give the ids of the jobs that come next and can be painted in one call with this one.

        They are as many as leave each other worker as much to do.
        """
        # Where batches are off, no prompt is read for them.
        key = self._key(first) if self._limit > 1 else None
        if key is None:
            return []
        workers = max(self._workers(), 1)
        found, is_all = self._look(key, workers)
        if is_all and len(found) < self._limit - 1:
            self._sleep(WAIT_SECONDS)
            found, _ = self._look(key, workers)
        return found

    def _look(self, key: Hashable, workers: int) -> tuple[list[str], bool]:
        """Give what is found, and whether nothing else waits."""
        waiting = [
            job_id
            for job_id, work in self._store.queue(limit=_SEEN)
            if work.model is None or work.model in self._models
        ]
        share = -(-(len(waiting) + 1) // workers) - 1
        fitting = list(self._fitting(waiting[: min(share, self._limit - 1)], key))
        return fitting, len(fitting) == len(waiting)

    def _fitting(self, job_ids: list[str], key: Hashable) -> Iterator[str]:
        jobs = (job for job in self._store.get_many(job_ids) if job is not None)
        return (job.id for job in takewhile(lambda job: self._key(job) == key, jobs))

    def _key(self, job: Job) -> Hashable | None:
        # One whose worker was lost may be why: nobody else's picture is to be lost with it again.
        was_lost = any(attempt.ended_at for attempt in job.attempts)
        return None if job.alone or was_lost else self._pipeline.batch_key(job.request)
