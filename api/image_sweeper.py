"""Drops pictures that outlived their records, where they do not expire by themselves."""

import asyncio

from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool

from shared.errors import StorageUnavailable
from shared.image_store import ImageStore
from shared.job_store import JobStore
from shared.log import get_logger

_log = get_logger(__name__)


class ImageSweeper:
    """Sweeps every minute, by the time of Redis; any number of them may run beside each other."""

    def __init__(
        self, images: ImageStore, store: JobStore, *, interval_seconds: float = 60
    ) -> None:
        self._images = images
        self._store = store
        self._interval_seconds = interval_seconds

    async def run(self) -> None:
        """Sweep until canceled."""
        while True:
            try:
                await run_in_threadpool(self.sweep)
            except (RedisError, StorageUnavailable) as error:
                _log.warning("pictures not swept", reason=type(error).__name__)
            except Exception:  # noqa: BLE001  # Nothing may end all sweeping.
                _log.exception("pictures not swept")
            await asyncio.sleep(self._interval_seconds)

    def sweep(self) -> None:
        """Drop what is old.

        Raises:
            RedisError: Redis does not say what time it is.
            StorageUnavailable: The store does not answer.
        """
        self._images.sweep(self._store.now())
