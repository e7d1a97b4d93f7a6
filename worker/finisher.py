"""Finishing pictures behind the painting of the next ones."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic

from shared.log import get_logger

_log = get_logger(__name__)

Finish = Callable[[], None]
"""Encodes and keeps a picture, and writes down how its job has ended."""

Behind = Callable[[Sequence[Finish]], None]
"""Finishes pictures, now or soon."""


def finish_now(finishes: Sequence[Finish]) -> None:
    """Finish before anything else is done."""
    for finish in finishes:
        finish()


class Finisher:
    """Finishes one after the other, in a thread that starts with the first of them."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="finisher")
        self._last: list[Future[None]] = []

    def __call__(self, finishes: Sequence[Finish]) -> None:
        """Finish these soon; wait here while those before them are not finished.

        So no more than the last call's pictures are lost with the process, and none pile up.
        """
        self.wait()
        self._last = [self._thread.submit(finish) for finish in finishes]

    def wait(self, seconds: float | None = None) -> None:
        """Return when nothing is left to finish, or after so many seconds."""
        until = None if seconds is None else monotonic() + seconds
        while self._last:
            left = None if until is None else max(until - monotonic(), 0)
            try:
                error = self._last[0].exception(left)
            except TimeoutError:
                return
            if error is not None:
                # Its lease ends, so another attempt paints it.
                _log.error("a picture could not be finished", reason=type(error).__name__)
            del self._last[0]
