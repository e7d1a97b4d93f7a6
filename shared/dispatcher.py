"""Sending the messages of jobs whose turn has come near."""

from collections.abc import Mapping
from typing import Protocol

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from shared.job_parts import JobState
from shared.job_queue import JobQueue
from shared.job_store import JobStore
from shared.jobs import Job
from shared.log import get_logger
from shared.worker_groups import groups_of
from shared.worker_registry import Heartbeat

_log = get_logger(__name__)


class Workers(Protocol):
    """Knows who lives."""

    def alive(self) -> list[Heartbeat]:
        """Give the last heartbeat of every worker that lives."""
        ...


class Dispatcher:
    """Lets out about as many messages as there are workers for them, in the order of the turns.

    The rest wait in the store, where a job of another owner can still be put before them.
    """

    def __init__(self, store: JobStore, queue: JobQueue, workers: Workers) -> None:
        self._store = store
        self._queue = queue
        self._workers = workers

    def dispatch(self) -> None:
        """Send what may be sent; what cannot be is left to the reaper's next sweep."""
        try:
            self._send_all(self._store.release(groups_of(self._workers.alive())))
        except RedisError as error:
            _log.warning("messages not sent", reason=type(error).__name__)

    def send(self, released: Mapping[str, str], new: Job) -> None:
        """Send what was released with a new job, which needs no look at its record."""
        others = dict(released)
        queue = others.pop(new.id, None)
        try:
            if queue is not None:
                self._send(new, queue)
            self._send_all(others)
        except RedisError as error:
            _log.warning("messages not sent", reason=type(error).__name__)

    def _send_all(self, released: Mapping[str, str]) -> None:
        for job in self._store.get_many(list(released)):
            if job is not None and job.state is JobState.QUEUED:
                self._send(job, released[job.id])

    def _send(self, job: Job, queue: str) -> None:
        try:
            self._queue.put(job, queue)
        except (OperationalError, RedisError) as error:
            _log.warning("message not sent", job_id=job.id, reason=type(error).__name__)
            self._store.take_back(job.id)
