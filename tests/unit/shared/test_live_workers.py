from datetime import timedelta

import pytest
from redis import Redis

from shared.live_workers import LiveWorkers
from shared.worker_registry import Heartbeat, WorkerRegistry, WorkerState

ONE = Heartbeat(worker="one@here", state=WorkerState.READY)


class WatchedRegistry(WorkerRegistry):
    """Counts the looks at the heartbeats."""

    looks = 0

    def alive(self) -> list[Heartbeat]:
        self.looks += 1
        return super().alive()


@pytest.fixture
def registry(any_redis: Redis) -> WatchedRegistry:
    return WatchedRegistry(any_redis)


@pytest.fixture
def workers(any_redis: Redis, registry: WorkerRegistry) -> LiveWorkers:
    return LiveWorkers(any_redis, registry)


class TestLook:
    def test_reads_no_heartbeat_again_while_none_has_changed(
        self, workers: LiveWorkers, registry: WatchedRegistry
    ) -> None:
        registry.announce(ONE)
        assert [workers.look().alive for _ in range(3)] == [[ONE]] * 3
        assert registry.looks == 1

    def test_sees_at_once_that_a_worker_has_come(
        self, workers: LiveWorkers, registry: WorkerRegistry
    ) -> None:
        assert workers.look().alive == []
        registry.announce(ONE)
        assert workers.look().alive == [ONE]

    def test_sees_at_once_that_a_worker_has_gone(
        self, workers: LiveWorkers, registry: WorkerRegistry
    ) -> None:
        registry.announce(ONE)
        workers.look()
        registry.withdraw(ONE.worker)
        assert workers.look().alive == []

    def test_sees_at_once_that_redis_was_emptied(
        self, workers: LiveWorkers, registry: WorkerRegistry, any_redis: Redis
    ) -> None:
        registry.announce(ONE)
        workers.look()
        any_redis.flushdb()
        assert workers.look().alive == []

    def test_has_the_time_of_redis(self, workers: LiveWorkers, any_redis: Redis) -> None:
        before, _ = any_redis.time()
        now = workers.look().now
        assert timedelta(0) <= timedelta(seconds=now.timestamp() - before) < timedelta(minutes=1)
