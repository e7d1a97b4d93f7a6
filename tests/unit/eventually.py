"""Waiting for what another thread is about to do."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")

PATIENCE_SECONDS = 20


def eventually(look: Callable[[], Answer], *, until: Callable[[Answer], bool]) -> Answer:
    """Look until what is seen is as wanted; on failure tell what was seen last."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        seen = look()
        if until(seen):
            return seen
        assert time.monotonic() < deadline, f"not so within {PATIENCE_SECONDS} s; last: {seen}"
        time.sleep(0.005)
