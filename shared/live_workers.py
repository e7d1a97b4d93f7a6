"""The workers of this moment and its time, in one round trip while no worker has changed."""

from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

from redis import Redis

from shared.job_store import as_datetime
from shared.keys import WORKERS_CHANGE
from shared.worker_registry import Heartbeat, WorkerRegistry

# A worker that was killed changes nothing: its heartbeat is only found to be gone.
_FRESH_SECONDS = 1.0


@dataclass(frozen=True)
class Moment:
    """What a new job has to know."""

    now: datetime
    """By Redis' clock."""

    alive: list[Heartbeat]
    """Of every worker that lives, those that are ready first."""


@dataclass(frozen=True)
class _Seen:
    change: bytes | None
    alive: list[Heartbeat]
    at: float


class LiveWorkers:
    """Reads the heartbeats again where one has changed since, or a second has passed.

    Safe in threads; may raise `RedisError`.
    """

    def __init__(self, redis: Redis, workers: WorkerRegistry) -> None:
        self._redis = redis
        self._workers = workers
        self._seen = _Seen(change=None, alive=[], at=float("-inf"))

    def look(self) -> Moment:
        """Give the workers and the time."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.time()
        pipeline.get(WORKERS_CHANGE)
        clock, change = pipeline.execute()
        return Moment(as_datetime(clock), self._alive(change))

    def alive(self) -> list[Heartbeat]:
        """Give the workers."""
        return self.look().alive

    def _alive(self, change: Any) -> list[Heartbeat]:  # noqa: ANN401  # The client's.
        seen = self._seen
        is_fresh = monotonic() - seen.at < _FRESH_SECONDS
        if change is None or change != seen.change or not is_fresh:
            # Of the change that was read first: one that comes meanwhile is seen the next time.
            self._seen = seen = _Seen(change, self._workers.alive(), monotonic())
        return seen.alive
