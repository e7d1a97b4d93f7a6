"""How queue and workers stand, read from Redis at each scrape."""

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric
from redis import Redis
from redis.exceptions import RedisError

from api.broker_watch import BrokerWatch
from shared import VERSION
from shared.exposition import gauge
from shared.keys import DELIVERIES, HELD, WAITING
from shared.worker_registry import WorkerRegistry, WorkerState


@dataclass(frozen=True)
class Snapshot:
    """Queue and workers at a moment."""

    queued: int
    oldest_seconds: float
    held: int
    webhooks: int
    workers: dict[WorkerState, int]


class LiveGauges:
    """Gives what is the same for every API process: take the maximum over them, not the sum."""

    def __init__(
        self, redis: Redis, workers: WorkerRegistry, broker: BrokerWatch, *, limit: int
    ) -> None:
        self._redis = redis
        self._workers = workers
        self._broker = broker
        self._limit = limit

    def collect(self) -> Iterator[Metric]:
        """Look, in few commands; where Redis is away, say only that."""
        snapshot = self._look()
        build = gauge("build_info", "What runs here.", labels=["version"])
        build.add_metric([VERSION], 1)
        yield build
        yield gauge("redis_up", "Whether Redis answers this process.", snapshot is not None)
        yield gauge("queue_limit", "Jobs that may wait and run at once.", self._limit)
        if snapshot is not None:
            yield from _gauges_of(snapshot)

    def _look(self) -> Snapshot | None:
        if not self._broker.available:
            return None
        try:
            return self._snapshot()
        except RedisError:
            return None

    def _snapshot(self) -> Snapshot:
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.zcard(WAITING)
        pipeline.zrange(WAITING, 0, 0, withscores=True)
        pipeline.zcard(HELD)
        pipeline.zcard(DELIVERIES)
        pipeline.time()
        queued, oldest, held, webhooks, clock = pipeline.execute()
        states = [heartbeat.state for heartbeat in self._workers.alive()]
        return Snapshot(
            queued=queued,
            oldest_seconds=_age(oldest, clock),
            held=held,
            webhooks=webhooks,
            workers={state: states.count(state) for state in WorkerState},
        )


def _gauges_of(snapshot: Snapshot) -> Iterator[Metric]:
    yield gauge("queue_depth", "Jobs that wait for a worker.", snapshot.queued)
    yield gauge(
        "queue_oldest_age_seconds",
        "Time since the submission of the job that waits longest; 0 where none waits.",
        snapshot.oldest_seconds,
    )
    yield gauge("running_jobs", "Jobs that a worker holds.", snapshot.held)
    yield gauge(
        "webhooks_waiting",
        "Ended jobs whose webhook waits for its first or its next delivery.",
        snapshot.webhooks,
    )
    workers = gauge("workers", "Workers that live, by what they are able to do.", labels=["state"])
    for state, count in snapshot.workers.items():
        workers.add_metric([state.value], count)
    yield workers


def _age(oldest: list[tuple[bytes, float]], clock: tuple[int, int]) -> float:
    seconds, microseconds = clock
    return max(seconds + microseconds / 1e6 - oldest[0][1], 0.0) if oldest else 0.0
