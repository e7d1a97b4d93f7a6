import pytest
from fakeredis import FakeServer
from redis import Redis

from shared.worker_registry import Heartbeat, WorkerRegistry, WorkerState
from tests.support.builders import BUILD
from tests.unit.eventually import eventually
from tests.unit.failing_redis import FailingRedis
from worker.heartbeat import HeartbeatThread

LOADING = Heartbeat(worker="a", state=WorkerState.LOADING)
READY = Heartbeat(worker="a", state=WorkerState.READY, build=BUILD)


@pytest.fixture
def registry(fake_redis: Redis) -> WorkerRegistry:
    return WorkerRegistry(fake_redis)


class TestHeartbeatThread:
    def test_says_first_that_the_model_is_loading(self, registry: WorkerRegistry) -> None:
        HeartbeatThread(registry, "a", interval_seconds=1000).start()
        assert eventually(registry.alive, until=bool) == [LOADING]

    def test_says_at_once_that_the_model_is_ready(self, registry: WorkerRegistry) -> None:
        heartbeat = HeartbeatThread(registry, "a", interval_seconds=1000)
        heartbeat.start()
        eventually(registry.alive, until=bool)
        heartbeat.ready(BUILD)
        assert eventually(registry.alive, until=lambda alive: alive != [LOADING]) == [READY]

    def test_outlives_a_moment_without_redis(self) -> None:
        redis = FailingRedis(server=FakeServer())
        registry = WorkerRegistry(redis)
        redis.failures = 1
        heartbeat = HeartbeatThread(registry, "a", interval_seconds=1000)
        heartbeat.start()
        eventually(lambda: redis.failures, until=lambda left: left == 0)
        heartbeat.ready(BUILD)
        assert eventually(registry.alive, until=bool) == [READY]
