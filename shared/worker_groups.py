"""Which workers share a queue: those that serve the same models, so that each can do its jobs."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from shared.worker_registry import Heartbeat

GENERATE = "generate"
"""Name of the task that paints, and the beginning of its queues' names."""

_LONGEST_NAME = 120


@dataclass(frozen=True)
class WorkerGroup:
    """Workers of one queue."""

    queue: str
    models: frozenset[str]
    """What they serve; empty where they do not say, which counts as everything."""

    workers: int


def groups_of(alive: Iterable[Heartbeat]) -> list[WorkerGroup]:
    """Group the workers that live."""
    counts = Counter((_queue_of(beat), frozenset(beat.names)) for beat in alive)
    return [WorkerGroup(queue, models, count) for (queue, models), count in counts.items()]


def queue_name(models: Iterable[str]) -> str:
    """Name the queue of the workers that serve these models."""
    name = f"{GENERATE}.{'+'.join(sorted(models))}"
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{GENERATE}.{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def count_of(queue: str, alive: Iterable[Heartbeat]) -> int:
    """Count the workers that share a queue."""
    return sum(_queue_of(beat) == queue for beat in alive)


def _queue_of(beat: Heartbeat) -> str:
    return queue_name(beat.names) if beat.models else GENERATE
