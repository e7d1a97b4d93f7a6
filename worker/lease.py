"""A worker's hold on the job it paints: renewed, and listened to, outside the denoising loop."""

from collections.abc import Callable
from contextvars import copy_context
from datetime import datetime
from math import inf
from threading import Event, Thread
from time import monotonic
from types import TracebackType
from typing import Self

from PIL import Image
from redis.exceptions import RedisError

from shared.errors import AttemptLost, ServiceError
from shared.job_parts import JobState
from shared.job_store import JobStore
from shared.jobs import Job
from shared.log import get_logger
from worker.expectation import Expectation
from worker.previews import Previews

_log = get_logger(__name__)

_FIRST_STEPS_SECONDS = 0.01

# A write takes the interpreter from the thread that paints for a millisecond or two, so quick steps
# are told several at once.
_BETWEEN_WRITES_SECONDS = 0.2


class Canceled(Exception):
    """Somebody asked the running job to stop."""


class Lease:
    """Renews the lease and writes the progress in a thread, so that Redis never delays a step.

    It also looks there whether the job is to stop, a few times a second where steps are quick.

    Where no step ends for `step_timeout` seconds, it calls `end_process`: nothing else can stop a
    thread that hangs in the device's driver.
    """

    def __init__(
        self,
        store: JobStore,
        job: Job,
        token: str,
        *,
        expectation: Expectation,
        previews: Previews,
        dispatch: Callable[[], None],
        interval_seconds: float,
        step_timeout: float,
        end_process: Callable[[], None],
    ) -> None:
        self._store = store
        self._job = job
        self._token = token
        self._expectation = expectation
        self._previews = previews
        self._dispatch = dispatch
        self._interval_seconds = interval_seconds
        self._step_timeout = step_timeout
        self._end_process = end_process
        self._step = 0
        self._moved_at = monotonic()
        self._interruption: Exception | None = None
        self._wake = Event()
        self._closed = Event()
        self._thread = Thread(
            target=copy_context().run,  # With the ids that the log has of this job.
            args=(self._keep,),
            name=f"lease-{job.id}",
            daemon=True,
        )

    def __enter__(self) -> Self:
        """Begin to renew."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop renewing; the job's outcome is written by then."""
        self._closed.set()
        self._wake.set()
        self._thread.join()

    def checkpoint(self, step: int, preview: Callable[[], Image.Image] | None = None) -> None:
        """Note that `step` sampler steps are done, and unwind where the job should stop.

        Raises:
            Canceled: Somebody canceled the job.
            AttemptLost: The job is another attempt's by now.
        """
        self._step = step
        self._moved_at = monotonic()
        if step > 0:
            self._expectation.step_done(step)
        if preview is not None and step < self._job.progress.total:
            self._previews.take(step, preview)
        self._wake.set()
        if self._interruption is not None:
            raise self._interruption

    def painted(self) -> None:
        """Note that no more steps come: what is left is to write the outcome, however long."""
        self._moved_at = inf

    def _keep(self) -> None:
        # Here, so that no picture waits for it; and not at once, when this thread would take its
        # turns from the one that paints. A job that has ended by then is told of first.
        self._closed.wait(_FIRST_STEPS_SECONDS)
        self._dispatch()
        while not self._closed.is_set():
            is_woken = self._wake.wait(self._interval_seconds)
            self._wake.clear()
            if self._closed.is_set() or (is_woken and self._moved_at == inf):
                continue  # The outcome says it all, and would have to be written around this.
            if monotonic() - self._moved_at > self._step_timeout:
                _log.error("stuck", job_id=self._job.id, step=self._step)
                self._end_process()
            self._renew()
            self._closed.wait(min(_BETWEEN_WRITES_SECONDS, self._interval_seconds))

    def _renew(self) -> None:
        step = self._step

        def advance(job: Job, now: datetime) -> Job:
            expected_at = self._expectation.expected_at(step, now)
            return job.advance(self._token, step, expected_at=expected_at)

        try:
            job = self._store.hold(self._job.id, advance)
            self._previews.tell()
        except (AttemptLost, ServiceError):
            self._interruption = AttemptLost(self._job.id)
        except RedisError as error:
            _log.warning("lease not renewed", job_id=self._job.id, reason=type(error).__name__)
        else:
            if job.state is JobState.CANCELING:
                self._interruption = Canceled()
