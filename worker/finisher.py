"""Finishing pictures behind the painting of the next one."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from ctypes import c_char

from shared.log import get_logger

_log = get_logger(__name__)

Finish = Callable[[], None]
"""Encodes and keeps a picture, and writes down how its job has ended."""

Behind = Callable[[str, Finish], None]
"""Finishes the job of this id, now or soon."""

_LONGEST_ID = 64


def finish_now(_job_id: str, finish: Finish) -> None:
    """Finish before anything else is done."""
    finish()


class Slip:
    """Says which job a process finishes, to the one that is forked in its place should it die."""

    def __init__(self) -> None:
        self._job_id = multiprocessing.Array(c_char, _LONGEST_ID)

    def write(self, job_id: str) -> None:
        """Note that this job is being finished; empty for none."""
        self._job_id.value = job_id.encode()

    def read(self) -> str:
        """Give what was noted last."""
        return self._job_id.value.decode()


class Finisher:
    """Finishes one job at a time, in a thread that starts with the first of them."""

    def __init__(self, slip: Slip) -> None:
        """Note on the slip what is being finished."""
        self._slip = slip
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="finisher")
        self._last: Future[None] | None = None

    def __call__(self, job_id: str, finish: Finish) -> None:
        """Finish a job soon; wait here while the one before it is not finished.

        So no more than one is lost with the process, and none piles up.
        """
        self.wait()
        self._slip.write(job_id)
        self._last = self._thread.submit(self._finish, finish)

    def wait(self, seconds: float | None = None) -> None:
        """Return when nothing is left to finish, or after so many seconds."""
        if self._last is None:
            return
        try:
            error = self._last.exception(seconds)
        except TimeoutError:
            return
        if error is not None:
            # Its lease ends, so another attempt paints it.
            _log.error("a picture could not be finished", reason=type(error).__name__)
        self._last = None

    def _finish(self, finish: Finish) -> None:
        try:
            finish()
        finally:
            self._slip.write("")
