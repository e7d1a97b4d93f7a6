"""What becomes of a job whose worker was lost."""

from collections.abc import Callable
from datetime import datetime

from shared.dispatcher import Dispatcher
from shared.errors import AttemptLost, ServiceError, TransitionRefused
from shared.job_parts import JobState
from shared.job_store import JobStore, Transition
from shared.jobs import Job
from shared.log import get_logger

_log = get_logger(__name__)


class Recovery:
    """Gives jobs back to the queue; harmless however many do it at once."""

    def __init__(self, store: JobStore, dispatcher: Dispatcher, *, max_attempts: int) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._max_attempts = max_attempts

    def requeue_lost(self, job_id: str) -> None:
        """Give a job back whose lease has run out, or end it after too many attempts.

        Raises:
            RedisError: Redis does not answer.
        """
        self._requeue(job_id, self._store.update_lost, self._lose_worker)

    def requeue_of(self, worker: str, job_id: str) -> None:
        """Give a job back that this worker held and will not finish."""

        def lose_worker(job: Job, now: datetime) -> Job:
            if job.worker != worker:
                raise AttemptLost(job.id)
            return self._lose_worker(job, now)

        self._requeue(job_id, self._store.update, lose_worker)

    def _lose_worker(self, job: Job, now: datetime) -> Job:
        return job.lose_worker(self._max_attempts, now)

    def _requeue(
        self, job_id: str, update: Callable[[str, Transition], Job], transition: Transition
    ) -> None:
        try:
            job = update(job_id, transition)
        except (TransitionRefused, ServiceError):
            return  # It has ended, or somebody else was faster.
        _log.warning("worker lost", job_id=job_id, attempt=job.attempt, state=job.state.value)
        if job.state is JobState.QUEUED:
            self._dispatcher.dispatch()
