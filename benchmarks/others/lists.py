"""The least that a queue on Redis can cost: a list there, a list back.

python -m benchmarks.others.lists work | ask
"""

import os
import sys

from redis import Redis

from benchmarks.others.probe import answer

_THERE, _BACK = "bench:there", "bench:back"


def main() -> None:
    """Be the worker, or the one who asks it."""
    redis = Redis.from_url(os.environ["REDIS_URL"], socket_timeout=None)  # The worker may idle.
    if sys.argv[1] == "work":
        while taken := redis.blpop([_THERE], timeout=0):
            redis.rpush(_BACK, taken[1])
    else:
        answer(lambda: _trip(redis))


def _trip(redis: Redis) -> None:
    redis.rpush(_THERE, b"job")
    redis.blpop([_BACK], timeout=60)


if __name__ == "__main__":
    main()
