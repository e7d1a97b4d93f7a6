"""The inside of a program that takes round trips when it is told how many, and says how long."""

import json
import sys
import time
from collections.abc import Callable


def answer(trip: Callable[[], object]) -> None:
    """Take as many round trips as each line of the input says; print their seconds as JSON."""
    trip()
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps([_seconds(trip) for _ in range(int(line))]), flush=True)


def _seconds(trip: Callable[[], object]) -> float:
    started = time.perf_counter()
    trip()
    return time.perf_counter() - started
