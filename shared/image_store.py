"""Pictures in Redis, whole or not at all."""

from redis import Redis

from shared.errors import JobExpired
from shared.jobs import Job
from shared.keys import PREFIX


class ImageStore:
    """Keeps the PNG of each attempt, so that a late write of a lost one changes no picture."""

    def __init__(self, redis: Redis, *, result_ttl: int) -> None:
        self._redis = redis
        self._result_ttl = result_ttl

    def put(self, job: Job, png: bytes) -> None:
        """Keep the picture of the job's present attempt; a reader sees the whole of it or none."""
        # Twice the record's time: the record, written after, must never outlive its picture.
        self._redis.set(_key(job), png, ex=self._result_ttl * 2)

    def get(self, job: Job) -> bytes:
        """Give the PNG of a job that succeeded.

        Raises:
            JobExpired: It is gone.
        """
        png = self._redis.get(_key(job))
        if not isinstance(png, bytes):
            raise JobExpired(job.id)
        return png

    def discard(self, job: Job) -> None:
        """Drop the picture of the job's present attempt."""
        self._redis.delete(_key(job))


def _key(job: Job) -> str:
    return f"{PREFIX}image:{job.id}:{job.attempt}"
