"""How often a caller may submit, counted in Redis over all API processes."""

import math
import time
from dataclasses import dataclass

from limits import RateLimitItem
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis import ConnectionPool

from api.callers import Caller
from shared.keys import PREFIX


@dataclass(frozen=True)
class Allowance:
    """What is left to a caller; in headers as draft-ietf-httpapi-ratelimit-headers-10 has them."""

    rate: RateLimitItem
    is_granted: bool
    left: int
    seconds: int
    """Until more is left."""

    @property
    def headers(self) -> dict[str, str]:
        """Give the header fields."""
        return {
            "RateLimit-Policy": f'"submits";q={self.rate.amount};w={self.rate.get_expiry()}',
            "RateLimit": f'"submits";r={self.left};t={self.seconds}',
        }


class RateLimiter:
    """Counts the submits of each caller in a window that moves with the time."""

    def __init__(self, redis_url: str, pool: ConnectionPool) -> None:
        storage = RedisStorage(redis_url, connection_pool=pool, key_prefix=f"{PREFIX}rate")
        self._limiter = MovingWindowRateLimiter(storage)

    def take(self, caller: Caller) -> Allowance | None:
        """Count one submit, and say what is left; None where there is no limit.

        Raises:
            RedisError: Redis does not answer.
        """
        if caller.rate is None:
            return None
        is_granted = self._limiter.hit(caller.rate, caller.name)
        reset_at, left = self._limiter.get_window_stats(caller.rate, caller.name)
        seconds = max(math.ceil(reset_at - time.time()), 1)
        return Allowance(caller.rate, is_granted, left, seconds)
