import pytest
from redis import Redis

from shared.keys import WORKERS
from shared.worker_registry import Heartbeat, WorkerRegistry, WorkerState, why_no_picture
from tests.support.builders import BUILD

LOADING = Heartbeat(worker="a", state=WorkerState.LOADING)
READY = Heartbeat(worker="b", state=WorkerState.READY, build=BUILD)


@pytest.fixture
def registry(any_redis: Redis) -> WorkerRegistry:
    return WorkerRegistry(any_redis, ttl_seconds=15)


class TestAlive:
    def test_is_nobody_before_the_first_heartbeat(self, registry: WorkerRegistry) -> None:
        assert registry.alive() == []

    @pytest.mark.parametrize("order", [[LOADING, READY], [READY, LOADING]])
    def test_names_those_first_that_are_ready(
        self, registry: WorkerRegistry, order: list[Heartbeat]
    ) -> None:
        for heartbeat in order:
            registry.announce(heartbeat)
        assert registry.alive() == [READY, LOADING]

    def test_tells_the_last_heartbeat_of_a_worker(self, registry: WorkerRegistry) -> None:
        ready = READY.model_copy(update={"worker": "a"})
        registry.announce(LOADING)
        registry.announce(ready)
        assert registry.alive() == [ready]

    def test_forgets_a_worker_that_has_stopped(self, registry: WorkerRegistry) -> None:
        registry.announce(LOADING)
        registry.announce(READY)
        registry.withdraw("b")
        assert registry.alive() == [LOADING]

    def test_forgets_a_worker_that_fell_silent(
        self, registry: WorkerRegistry, any_redis: Redis
    ) -> None:
        registry.announce(READY)
        assert 10_000 < any_redis.pttl("semantic-bit:worker:b") <= 15_000
        any_redis.delete("semantic-bit:worker:b")
        assert registry.alive() == []
        # Or as many messages would be let out as there were ever workers.
        assert any_redis.smembers(WORKERS) == set()


class TestSign:
    def test_gives_the_process_that_had_the_name_last(self, registry: WorkerRegistry) -> None:
        assert registry.sign("a", "first") is None
        assert registry.sign("a", "second") == "first"
        assert registry.sign("a", "second") == "second"
        assert registry.sign("b", "second") is None


class TestWhyNoPicture:
    @pytest.mark.parametrize(
        ("alive", "reason"),
        [
            ([], "no worker is running"),
            ([LOADING], "the worker is loading its model"),
            ([LOADING, READY], None),
            ([READY], None),
        ],
    )
    def test_names_what_is_missing(self, alive: list[Heartbeat], reason: str | None) -> None:
        assert why_no_picture(alive) == reason
