"""How long a job takes on this installation, from the last ones measured."""

from statistics import fmean

from redis import Redis

from shared.job_store import PREFIX

_KEY = f"{PREFIX}seconds-per-job"
_KEPT = 20
_FIRST_GUESS_SECONDS = 5.0


class Throughput:
    """Learns the seconds per job, for estimates and for `Retry-After`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def record(self, seconds: float) -> None:
        """Learn from a job that took `seconds` on the worker."""
        pipeline = self._redis.pipeline()
        pipeline.lpush(_KEY, seconds)
        pipeline.ltrim(_KEY, 0, _KEPT - 1)
        pipeline.execute()

    def seconds_per_job(self) -> float:
        """Give the mean of the last jobs, or a guess before the first."""
        measured = self._redis.lrange(_KEY, 0, -1)
        return fmean(map(float, measured)) if measured else _FIRST_GUESS_SECONDS
