"""Sending the messages of jobs whose turn has come near."""

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from shared.job_parts import JobState
from shared.job_queue import JobQueue
from shared.job_store import JobStore
from shared.jobs import Job
from shared.log import get_logger

_log = get_logger(__name__)


class Dispatcher:
    """Lets out about as many messages as there are workers, in the order of the turns.

    The rest wait in the store, where a job of another owner can still be put before them.
    """

    def __init__(self, store: JobStore, queue: JobQueue) -> None:
        self._store = store
        self._queue = queue

    def dispatch(self) -> None:
        """Send what may be sent; what cannot be is left to the reaper's next sweep."""
        try:
            released = self._store.release()
            for job in self._store.get_many(released):
                if job is not None and job.state is JobState.QUEUED:
                    self._send(job)
        except RedisError as error:
            _log.warning("messages not sent", reason=type(error).__name__)

    def _send(self, job: Job) -> None:
        try:
            self._queue.put(job)
        except (OperationalError, RedisError) as error:
            _log.warning("message not sent", job_id=job.id, reason=type(error).__name__)
            self._store.take_back(job.id)
