from redis import Redis

from shared.lora_registry import LoraRegistry
from shared.loras import Lora
from shared.worker_registry import Heartbeat, WorkerRegistry, WorkerState

ONE, TWO = Lora(name="Two", size_bytes=2), Lora(name="one", size_bytes=1, sha256="ab")


def alive(redis: Redis, *workers: str) -> LoraRegistry:
    for worker in workers:
        WorkerRegistry(redis).announce(Heartbeat(worker=worker, state=WorkerState.READY))
    return LoraRegistry(redis)


def test_gives_what_the_workers_have_by_name_without_regard_to_case(fake_redis: Redis) -> None:
    registry = alive(fake_redis, "a", "b")
    registry.publish("a", [ONE])
    registry.publish("b", [TWO, ONE])
    assert registry.all() == [TWO, ONE]
    assert registry.missing(["Two", "three", "one", "two"]) == ["three", "two"]


def test_forgets_what_is_gone_and_the_lists_of_workers_that_left(fake_redis: Redis) -> None:
    registry = alive(fake_redis, "a")
    registry.publish("a", [ONE, TWO])
    registry.publish("a", [TWO])
    assert registry.all() == [TWO]
    WorkerRegistry(fake_redis).withdraw("a")
    assert registry.all() == []


def test_says_when_a_list_has_to_be_published_again(fake_redis: Redis) -> None:
    registry = alive(fake_redis, "a")
    assert registry.renew("a") is False
    registry.publish("a", [ONE])
    assert registry.renew("a") is True
    assert 0 < fake_redis.pttl("semantic-bit:loras:a") <= 15_000
