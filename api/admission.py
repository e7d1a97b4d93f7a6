"""How many jobs may wait or run at once: in all, and of one caller."""

import math
from collections.abc import Sequence

from api.callers import Caller
from api.forecast import Forecaster
from shared.errors import QueueFull, RateLimited
from shared.job_store import Added, AdmissionRefused, IdempotencyClaim, JobStore, OwnLimitReached
from shared.jobs import Job
from shared.worker_groups import WorkerGroup

_UNKNOWN_WAIT_SECONDS = 10


class Admission:
    """Lets jobs into the store while there is room; may raise `RedisError`."""

    def __init__(self, store: JobStore, forecaster: Forecaster, *, limit: int) -> None:
        """Take the parts, and how many jobs there is room for."""
        self._store = store
        self._forecaster = forecaster
        self._limit = limit

    def admit(
        self,
        job: Job,
        caller: Caller,
        *,
        claim: IdempotencyClaim | None = None,
        replaces: IdempotencyClaim | None = None,
        groups: Sequence[WorkerGroup] = (),
    ) -> Added:
        """Keep a new job of this caller, or give what its key has met; see `JobStore.add`.

        Raises:
            QueueFull: As many jobs as are admitted wait or run.
            RateLimited: As many of this caller's as it may have do.
        """
        own_limit = caller.max_jobs
        try:
            return self._store.add(
                job,
                limit=self._limit,
                own_limit=own_limit,
                claim=claim,
                replaces=replaces,
                groups=groups,
            )
        except AdmissionRefused:
            raise QueueFull(self._limit, self._seconds_until_room()) from None
        except OwnLimitReached:
            limit = f"{own_limit} jobs at once that wait or run"
            raise RateLimited(limit, self._seconds_until_room()) from None

    def _seconds_until_room(self) -> int:
        seconds = self._forecaster.current().first_end_seconds
        return max(math.ceil(seconds), 1) if seconds is not None else _UNKNOWN_WAIT_SECONDS
