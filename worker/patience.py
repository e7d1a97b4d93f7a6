"""Trying again until what keeps things answers: what was made with pain is not thrown away."""

from collections.abc import Callable
from typing import TypeVar

from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from shared.errors import StorageUnavailable
from shared.log import get_logger

_log = get_logger(__name__)

_Answer = TypeVar("_Answer")

# A finished picture outlives about a minute without Redis, or without the store of pictures.
_AWAY = (RedisError, StorageUnavailable)
_PATIENTLY = Retry(ExponentialWithJitterBackoff(base=0.1, cap=2), 40, _AWAY)


def patiently(call: Callable[[], _Answer]) -> _Answer:
    """Call until there is an answer, for about a minute.

    Raises:
        RedisError: Redis gave none.
        StorageUnavailable: The store of pictures gave none.
    """

    def note(error: Exception) -> None:
        who = "redis" if isinstance(error, RedisError) else "the store of pictures"
        _log.warning(f"{who} did not answer, trying again", reason=type(error).__name__)

    answer: _Answer = _PATIENTLY.call_with_retry(call, note)
    return answer
