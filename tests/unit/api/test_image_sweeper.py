import asyncio
from datetime import datetime

import pytest
from redis import Redis

from api.image_sweeper import ImageSweeper
from shared.errors import StorageUnavailable
from shared.job_store import JobStore
from shared.redis_images import RedisImages


class CountsSweeps(RedisImages):
    """Fails in the given ways, each once, and then sweeps."""

    def __init__(self, redis: Redis, failures: list[Exception]) -> None:
        super().__init__(redis, result_ttl=60)
        self.failures = failures
        self.swept_at: list[datetime] = []
        self.done = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    def sweep(self, now: datetime) -> None:
        if self.failures:
            raise self.failures.pop()
        self.swept_at.append(now)
        self.loop.call_soon_threadsafe(self.done.set)


@pytest.mark.anyio
async def test_sweeps_by_the_time_of_redis_whatever_has_happened_before(redis: Redis) -> None:
    store = JobStore(redis, result_ttl=60, lease_seconds=15)
    images = CountsSweeps(redis, [StorageUnavailable(), ValueError("odd"), ConnectionError()])
    before = store.now()
    running = asyncio.create_task(ImageSweeper(images, store, interval_seconds=0).run())
    await asyncio.wait_for(images.done.wait(), timeout=20)
    running.cancel()
    assert before <= images.swept_at[0] <= store.now()
