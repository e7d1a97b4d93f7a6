import pytest
from fakeredis import FakeRedis
from redis import Redis
from redis.exceptions import ResponseError

from shared.redis_check import complaints

GOOD = {"maxmemory-policy": "noeviction", "appendonly": "yes", "save": ""}


class RedisSetTo(FakeRedis):
    """Answers questions about its settings as it is told to, or refuses to."""

    told: dict[str, str] | None = GOOD

    def config_get(  # type: ignore[override]  # Narrower than the many ways it can be called.
        self, pattern: str
    ) -> dict[str, str]:
        if self.told is None:
            message = "unknown command 'CONFIG'"
            raise ResponseError(message)
        return {pattern: self.told[pattern]}


def complaints_about(told: dict[str, str] | None) -> list[str]:
    with RedisSetTo() as redis:
        redis.told = told
        return complaints(redis)


class TestComplaints:
    def test_are_none_about_the_redis_that_we_start(self, redis: Redis) -> None:
        assert complaints(redis) == []

    def test_are_none_where_the_server_does_not_let_us_look(self) -> None:
        assert complaints_about(None) == []

    @pytest.mark.parametrize(
        ("name", "value"),
        [("maxmemory-policy", "allkeys-lru"), ("appendonly", "no")],
    )
    def test_name_what_can_lose_jobs(self, name: str, value: str) -> None:
        (complaint,) = complaints_about({**GOOD, name: value})
        assert f"{name} is {value}" in complaint
