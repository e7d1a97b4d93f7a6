"""Queue and workers, as they stand in Redis at a scrape."""

from datetime import timedelta

import pytest
from fakeredis import FakeServer
from prometheus_client import CollectorRegistry
from redis import Redis

from api.broker_watch import BrokerWatch
from api.live_gauges import LiveGauges
from shared.job_parts import JobState
from shared.job_store import JobStore
from shared.keys import DELIVERIES
from shared.worker_registry import Heartbeat, WorkerRegistry, WorkerState
from tests.support.builders import BUILD, LIMIT, bring_to, queued_job
from tests.support.scrape import Scrape
from tests.unit.failing_redis import FailingRedis


@pytest.fixture
def store(any_redis: Redis) -> JobStore:
    return JobStore(any_redis, result_ttl=60, lease_seconds=15)


def look(redis: Redis, broker: BrokerWatch | None = None) -> Scrape:
    broker = broker or BrokerWatch("redis://nowhere")
    registry = CollectorRegistry()
    registry.register(LiveGauges(redis, WorkerRegistry(redis), broker, limit=LIMIT))
    return Scrape.of(registry)


class TestQueue:
    def test_is_empty_at_first(self, any_redis: Redis) -> None:
        seen = look(any_redis)
        values = {sample.name: sample.value for sample in seen.samples if not sample.labels}
        assert values == {
            "semantic_bit_redis_up": 1,
            "semantic_bit_queue_limit": LIMIT,
            "semantic_bit_queue_depth": 0,
            "semantic_bit_queue_oldest_age_seconds": 0,
            "semantic_bit_running_jobs": 0,
            "semantic_bit_webhooks_waiting": 0,
        }

    def test_tells_how_many_wait_and_how_many_are_held(
        self, any_redis: Redis, store: JobStore
    ) -> None:
        for number, state in enumerate(JobState):
            bring_to(store, state, f"job-{number}")
        seen = look(any_redis)
        assert seen.sum("semantic_bit_queue_depth") == 1
        assert seen.sum("semantic_bit_running_jobs") == 2

    def test_tells_the_age_of_the_job_that_waits_longest(
        self, any_redis: Redis, store: JobStore
    ) -> None:
        for job_id, age in (("young", 5), ("old", 90), ("middle", 30)):
            submitted = store.now() - timedelta(seconds=age)
            store.add(queued_job(job_id, now=submitted), limit=LIMIT)
        assert 90 <= look(any_redis).sum("semantic_bit_queue_oldest_age_seconds") < 150

    def test_tells_how_many_webhooks_wait(self, any_redis: Redis) -> None:
        any_redis.zadd(DELIVERIES, {"a": 1, "b": 2})
        assert look(any_redis).sum("semantic_bit_webhooks_waiting") == 2


class TestWorkers:
    def test_are_counted_by_their_state(self, any_redis: Redis) -> None:
        workers = WorkerRegistry(any_redis)
        for name in ("one", "two"):
            workers.announce(Heartbeat(worker=name, state=WorkerState.READY, build=BUILD))
        workers.announce(Heartbeat(worker="three", state=WorkerState.LOADING))
        assert look(any_redis).counted("semantic_bit_workers") == {("ready",): 2, ("loading",): 1}

    def test_are_none_where_none_lives(self, any_redis: Redis) -> None:
        seen = look(any_redis)
        assert seen.has("semantic_bit_workers", state="ready")
        assert seen.sum("semantic_bit_workers") == 0


class TestRedisAway:
    def test_is_all_that_is_told(self) -> None:
        redis = FailingRedis(server=FakeServer())
        redis.failures = 1
        seen = look(redis)
        assert seen.names() == {
            "semantic_bit_build_info",
            "semantic_bit_redis_up",
            "semantic_bit_queue_limit",
        }
        assert seen.sum("semantic_bit_redis_up") == 0

    def test_is_believed_without_asking_again(self, fake_redis: Redis) -> None:
        broker = BrokerWatch("redis://nowhere")
        broker.available = False
        assert look(fake_redis, broker).sum("semantic_bit_redis_up") == 0
