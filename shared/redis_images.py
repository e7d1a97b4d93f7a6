"""Pictures in Redis, beside the jobs."""

from datetime import datetime

from redis import Redis

from shared.errors import JobExpired
from shared.image_store import Download
from shared.jobs import Job
from shared.keys import PREFIX


class RedisImages:
    """Keeps pictures under keys that expire by themselves."""

    def __init__(self, redis: Redis, *, result_ttl: int) -> None:
        self._redis = redis
        self._result_ttl = result_ttl

    def check(self) -> None:
        """Do nothing: what would be wrong with Redis, others say."""

    def put(self, job: Job, png: bytes) -> None:
        """Keep the picture of the job's present attempt."""
        # Twice the record's time: the record, written after, must never outlive its picture.
        self._redis.set(_key(job), png, ex=self._result_ttl * 2)

    def open(self, job: Job) -> Download:
        """Give the PNG of a job that succeeded.

        Raises:
            JobExpired: It is gone.
        """
        png = self._redis.get(_key(job))
        if not isinstance(png, bytes):
            raise JobExpired(job.id)
        return Download(len(png), [png])

    def signed_url(self, job: Job) -> None:
        """Give none: Redis is not for clients."""

    def discard(self, job: Job) -> None:
        """Drop the picture of the job's present attempt."""
        self._redis.delete(_key(job))

    def sweep(self, now: datetime) -> None:
        """Do nothing: Redis drops them itself."""


def _key(job: Job) -> str:
    return f"{PREFIX}image:{job.id}:{job.attempt}"
