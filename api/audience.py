"""Who waits for a job, counted over all API processes."""

from redis import Redis

from shared.keys import PREFIX


class Audience:
    """Counts the blocking calls that wait for a job."""

    def __init__(self, redis: Redis, *, ttl_seconds: int) -> None:
        self._redis = redis
        self._ttl_seconds = ttl_seconds

    def enter(self, job_id: str) -> None:
        """Count a call in."""
        pipeline = self._redis.pipeline()
        pipeline.incr(_key(job_id))
        # A process that dies leaves its calls counted: the job then runs on, which harms nobody.
        pipeline.expire(_key(job_id), self._ttl_seconds)
        pipeline.execute()

    def leave(self, job_id: str) -> int:
        """Count a call out again, and give how many are left."""
        return self._redis.decr(_key(job_id))


def _key(job_id: str) -> str:
    return f"{PREFIX}audience:{job_id}"
