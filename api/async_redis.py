"""Redis for what waits without a thread."""

from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

from shared.redis_address import SentinelAddress


def connect_async(
    url: str, *, connect_timeout_seconds: float, timeout_seconds: float | None = None
) -> Redis:
    """Give a client that tries once; without a timeout it waits for answers without end."""
    retry = Retry(NoBackoff(), 0)
    options: dict[str, Any] = {
        "socket_connect_timeout": connect_timeout_seconds,
        "socket_timeout": timeout_seconds,
        "socket_keepalive": True,
        "retry": retry,
    }
    sentinels = SentinelAddress.of(url)
    if sentinels is None:
        return Redis.from_url(url, **options)
    manager = Sentinel(  # type: ignore[no-untyped-call]
        sentinels.hosts,
        sentinel_kwargs={
            "password": sentinels.sentinel_password,
            "socket_connect_timeout": connect_timeout_seconds,
            "socket_timeout": connect_timeout_seconds,
            "retry": retry,
        },
    )
    redis: Redis = manager.master_for(sentinels.master, **{**sentinels.login, **options})
    return redis
