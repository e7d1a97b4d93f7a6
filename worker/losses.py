"""Giving jobs back that this worker will not finish."""

from contextlib import suppress

from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery.signals import task_failure, task_revoked
from celery.worker.request import Request
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from shared.dispatcher import Dispatcher
from shared.errors import ServiceError
from shared.job_store import JobStore
from shared.log import get_logger
from shared.recovery import Recovery
from shared.redis_check import warn_of_bad_settings

_log = get_logger(__name__)


class Losses:
    """Gives back the jobs of one worker; what cannot be given back now, the reaper will."""

    def __init__(
        self, store: JobStore, dispatcher: Dispatcher, worker: str, *, max_attempts: int
    ) -> None:
        self._store = store
        self._recovery = Recovery(store, dispatcher, max_attempts=max_attempts)
        self._worker = worker

    def give_back(self, job_id: str) -> None:
        """Give a job back to the queue, if this worker holds it."""
        try:
            self._recovery.requeue_of(self._worker, job_id)
        except (RedisError, OperationalError) as error:
            _log.warning("not given back yet", job_id=job_id, reason=type(error).__name__)

    def give_back_of_earlier(self, redis: Redis) -> None:
        """Give back what earlier processes of this worker held."""
        try:
            warn_of_bad_settings(redis)
            for job_id in self._store.held_ids():
                self.give_back(job_id)
        except RedisError as error:
            _log.warning("redis does not answer yet", reason=type(error).__name__)

    def follow(self) -> None:
        """Give back at once the job of a child that dies."""

        @task_failure.connect(weak=False)
        def requeue(task_id: str, exception: BaseException, **_: object) -> None:
            if isinstance(exception, WorkerLostError | TimeLimitExceeded):
                self.give_back(task_id)

        @task_revoked.connect(weak=False)
        def cancel(request: Request, *, terminated: bool, **_: object) -> None:
            # By Flower or the command line, which know nothing of the record.
            with suppress(RedisError, ServiceError):
                self._store.update(request.id, lambda job, now: job.cancel(now))
            if terminated:
                self.give_back(request.id)  # Which ends it: there is no child left to stop.
