"""What a process had in its hands when it died."""

import multiprocessing
import os
import signal
from collections.abc import Callable

from worker.slip import Slip

FORK = multiprocessing.get_context("fork")


def die_with(slip: Slip, *changes: Callable[[Slip], None]) -> None:
    """Let a process change the slip, and be killed."""

    def change() -> None:
        for one in changes:
            one(slip)
        os.kill(os.getpid(), signal.SIGKILL)

    process = FORK.Process(target=change)
    process.start()
    process.join()


def test_is_read_by_the_next_process() -> None:
    slip = Slip()
    die_with(slip, lambda slip: slip.add("a"), lambda slip: slip.add("b"))
    assert slip.left() == ["a", "b"]


def test_does_not_tell_what_is_done() -> None:
    slip = Slip()
    die_with(slip, lambda slip: slip.add("a"), lambda slip: slip.add("b"), lambda s: s.remove("a"))
    assert slip.left() == ["b"]


def test_is_empty_before_the_first_process() -> None:
    assert Slip().left() == []


def test_has_room_for_as_many_as_are_asked_for() -> None:
    slip = Slip(33)
    ids = [f"{number:064}" for number in range(33)]
    for job_id in ids:
        slip.add(job_id)
    assert slip.left() == ids


def test_takes_back_what_was_never_on_it() -> None:
    slip = Slip()
    slip.add("a")
    slip.remove("never")
    assert slip.left() == ["a"]
