"""Finishing pictures behind the painting of the next ones."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Protocol

from shared.log import get_logger

_log = get_logger(__name__)

Finish = Callable[[], None]
"""Encodes and keeps a picture, and writes down how its job has ended."""


class Behind(Protocol):
    """Finishes pictures, now or soon."""

    def __call__(self, finishes: Sequence[Finish], *, early: bool = False) -> None:
        """Finish these; those that are early come amidst a painting, which is not to wait."""
        ...


def finish_now(finishes: Sequence[Finish], *, early: bool = False) -> None:  # noqa: ARG001
    """Finish before anything else is done."""
    for finish in finishes:
        finish()


class Finisher:
    """Finishes one after the other, in a thread that starts with the first of them."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="finisher")
        self._last: list[Future[None]] = []

    def __call__(self, finishes: Sequence[Finish], *, early: bool = False) -> None:
        """Finish these soon; unless they are early, wait here for those before them.

        So no more than two batches' pictures are lost with the process, and none pile up.
        """
        if not early:
            self.wait()
            self._last.clear()
        self._last += [self._thread.submit(_told, finish) for finish in finishes]

    def wait(self, seconds: float | None = None) -> None:
        """Return when nothing is left to finish, or after so many seconds; in any thread."""
        wait(list(self._last), seconds)


def _told(finish: Finish) -> None:
    try:
        finish()
    except Exception as error:  # noqa: BLE001  # Its lease ends, so another attempt paints it.
        _log.error("a picture could not be finished", reason=type(error).__name__)
