import pytest
from redis import Redis

from shared.redis_check import complaints


class TestComplaints:
    def test_are_none_about_the_redis_that_we_start(self, redis: Redis) -> None:
        assert complaints(redis) == []

    @pytest.mark.parametrize(
        ("name", "bad", "good"),
        [("maxmemory-policy", "allkeys-lru", "noeviction"), ("appendonly", "no", "yes")],
    )
    def test_name_what_can_lose_jobs(self, redis: Redis, name: str, bad: str, good: str) -> None:
        redis.config_set(name, bad)
        try:
            (complaint,) = complaints(redis)
        finally:
            redis.config_set(name, good)
        assert f"{name} is {bad}" in complaint
