"""Knows whether Redis answers, so that requests need not find out one by one."""

import asyncio

from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.async_redis import connect_async
from shared.log import get_logger

_log = get_logger(__name__)

_INTERVAL_SECONDS = 0.5
_TIMEOUT_SECONDS = 1.0


class BrokerWatch:
    """Asks Redis for a sign of life, twice a second."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self.available = True

    async def run(self) -> None:
        """Watch until canceled."""
        async with connect_async(
            self._redis_url,
            connect_timeout_seconds=_TIMEOUT_SECONDS,
            timeout_seconds=_TIMEOUT_SECONDS,
        ) as redis:
            while True:
                await self._look(redis)
                await asyncio.sleep(_INTERVAL_SECONDS)

    async def _look(self, redis: Redis) -> None:
        try:
            await redis.ping()
        except (RedisError, OSError) as error:
            if self.available:
                _log.error("redis is away", reason=type(error).__name__)
            self.available = False
        except Exception:  # noqa: BLE001  # Nothing may end the watch.
            _log.exception("redis cannot be watched")
        else:
            if not self.available:
                _log.info("redis is back")
            self.available = True
