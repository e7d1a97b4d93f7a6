"""Whether the worker's parent takes messages yet: no child should call itself ready before."""

from collections.abc import Callable
from multiprocessing.sharedctypes import RawValue
from time import monotonic, sleep

from celery.signals import worker_ready

_LOOK_SECONDS = 0.01
_LONGEST_WAIT_SECONDS = 30.0


def parent_that_consumes(longest_wait_seconds: float = _LONGEST_WAIT_SECONDS) -> Callable[[], None]:
    """Give what waits, in a child, until the parent takes messages; not for ever."""
    consumes = RawValue("b", 0)  # Without a lock, which a child that is killed could leave taken.

    @worker_ready.connect(weak=False)
    def note(**_: object) -> None:
        consumes.value = 1

    def wait() -> None:
        deadline = monotonic() + longest_wait_seconds
        while not consumes.value and monotonic() < deadline:
            sleep(_LOOK_SECONDS)

    return wait
