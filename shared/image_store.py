"""Where pictures are kept, whole or not at all; `shared/storage.py` picks one of three places."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.jobs import Job


@dataclass(frozen=True)
class Download:
    """A picture on its way out of the store."""

    size: int
    """In bytes, of all chunks together."""

    chunks: Iterable[bytes]
    """May be gone through once, and raises `StorageUnavailable` where the store goes away."""

    def read(self) -> bytes:
        """Give the whole picture."""
        return b"".join(self.chunks)


class ImageStore(Protocol):
    """Keeps the PNG of each attempt, so that a late write of a lost one changes no picture.

    Every call may raise `StorageUnavailable`, or `RedisError` where Redis keeps the pictures.
    """

    def check(self) -> None:
        """Look whether pictures can be kept.

        Raises:
            StorageMisconfigured: They cannot, and waiting does not help.
        """
        ...

    def put(self, job: Job, png: bytes) -> None:
        """Keep the picture of the job's present attempt; a reader sees the whole of it or none."""
        ...

    def open(self, job: Job) -> Download:
        """Give the PNG of a job that succeeded.

        Raises:
            JobExpired: It is gone.
        """
        ...

    def signed_url(self, job: Job) -> str | None:
        """Give an address at which anyone finds the picture for a while, if the store has such."""
        ...

    def discard(self, job: Job) -> None:
        """Drop the picture of the job's present attempt; what has to stay is swept later."""
        ...

    def sweep(self, now: datetime) -> None:
        """Drop the pictures whose records are gone; any number of processes may do so at once."""
        ...
