"""Trying again until Redis answers: what was made with pain is not thrown away."""

from collections.abc import Callable
from typing import TypeVar

from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from shared.log import get_logger

_log = get_logger(__name__)

_Answer = TypeVar("_Answer")

# A finished picture outlives about a minute without Redis.
_PATIENTLY = Retry(ExponentialWithJitterBackoff(base=0.1, cap=2), 40, (RedisError,))


def patiently(call: Callable[[], _Answer]) -> _Answer:
    """Call until Redis answers, for about a minute.

    Raises:
        RedisError: It did not.
    """

    def note(error: Exception) -> None:
        _log.warning("redis did not answer, trying again", reason=type(error).__name__)

    answer: _Answer = _PATIENTLY.call_with_retry(call, note)
    return answer
