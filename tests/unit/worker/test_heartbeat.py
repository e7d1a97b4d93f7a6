import pytest
from fakeredis import FakeServer
from redis import Redis
from structlog.testing import capture_logs

from shared.tokenizer_store import TokenizerStore
from shared.worker_registry import Heartbeat, WorkerRegistry, WorkerState
from tests.support.builders import BUILD
from tests.support.tokenizers import make_tokenizer
from tests.unit.eventually import eventually
from tests.unit.failing_redis import FailingRedis
from worker.heartbeat import HeartbeatThread

LOADING = Heartbeat(worker="a", state=WorkerState.LOADING)
READY = Heartbeat(worker="a", state=WorkerState.READY, build=BUILD)


@pytest.fixture
def registry(fake_redis: Redis) -> WorkerRegistry:
    return WorkerRegistry(fake_redis)


@pytest.fixture
def tokenizers(fake_redis: Redis) -> TokenizerStore:
    return TokenizerStore(fake_redis)


class TestHeartbeatThread:
    def test_says_first_that_the_model_is_loading(
        self, registry: WorkerRegistry, tokenizers: TokenizerStore
    ) -> None:
        HeartbeatThread(registry, tokenizers, "a", interval_seconds=1000).start()
        assert eventually(registry.alive, until=bool) == [LOADING]

    def test_says_at_once_that_the_model_is_ready(
        self, registry: WorkerRegistry, tokenizers: TokenizerStore
    ) -> None:
        heartbeat = HeartbeatThread(registry, tokenizers, "a", interval_seconds=1000)
        heartbeat.start()
        eventually(registry.alive, until=bool)
        heartbeat.ready(BUILD)
        assert eventually(registry.alive, until=lambda alive: alive != [LOADING]) == [READY]

    def test_outlives_a_moment_without_redis(self) -> None:
        redis = FailingRedis(server=FakeServer())
        registry, tokenizers = WorkerRegistry(redis), TokenizerStore(redis)
        redis.failures = 1
        heartbeat = HeartbeatThread(registry, tokenizers, "a", interval_seconds=1000)
        heartbeat.start()
        eventually(lambda: redis.failures, until=lambda left: left == 0)
        heartbeat.ready(BUILD)
        assert eventually(registry.alive, until=bool) == [READY]

    def test_keeps_a_tokenizer_before_it_says_that_the_model_is_ready(
        self, registry: WorkerRegistry, tokenizers: TokenizerStore
    ) -> None:
        tokenizer = make_tokenizer()
        heartbeat = HeartbeatThread(registry, tokenizers, "a", interval_seconds=1000)
        heartbeat.keep(tokenizer)
        heartbeat.ready(BUILD)
        heartbeat.start()
        assert eventually(registry.alive, until=bool) == [READY]
        assert tokenizers.get(tokenizer.id) == tokenizer.definition

    def test_keeps_a_tokenizer_again_that_redis_has_lost(
        self, registry: WorkerRegistry, tokenizers: TokenizerStore, fake_redis: Redis
    ) -> None:
        tokenizer = make_tokenizer()
        heartbeat = HeartbeatThread(registry, tokenizers, "a", interval_seconds=1000)
        heartbeat.keep(tokenizer)
        heartbeat.start()
        eventually(registry.alive, until=bool)
        fake_redis.flushall()
        heartbeat.ready(BUILD)
        eventually(registry.alive, until=bool)
        assert tokenizers.get(tokenizer.id) == tokenizer.definition

    def test_says_when_another_worker_has_the_same_name(
        self, registry: WorkerRegistry, tokenizers: TokenizerStore
    ) -> None:
        registry.sign("a", "the process that this one follows")
        with capture_logs() as logs:
            heartbeat = HeartbeatThread(registry, tokenizers, "a", interval_seconds=1000)
            heartbeat.start()
            eventually(registry.alive, until=bool)
            heartbeat.ready(BUILD)
            eventually(registry.alive, until=lambda alive: alive == [READY])
            assert logs == []
            registry.sign("a", "another that lives")
            heartbeat.ready(BUILD)
            eventually(lambda: logs, until=bool)
        assert "another worker has the same name" in logs[0]["event"]
