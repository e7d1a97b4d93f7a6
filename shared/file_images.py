"""Pictures as files, in a folder that all processes share."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from secrets import token_hex

from shared.errors import JobExpired, StorageMisconfigured, StorageUnavailable
from shared.image_folders import ImageFolders
from shared.image_store import Download
from shared.jobs import Job
from shared.log import get_logger

_log = get_logger(__name__)


class FileImages:
    """Writes each picture beside its place and moves it there, so that nobody sees half of it."""

    def __init__(self, root: Path, folders: ImageFolders) -> None:
        self._root = root
        self._folders = folders

    def check(self) -> None:
        """Make the folder where it is not there, and a file in it.

        Raises:
            StorageMisconfigured: It cannot be written.
        """
        probe = self._root / f".{token_hex(8)}"
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            message = f"the folder cannot be written ({error.strerror})"
            raise StorageMisconfigured(message) from None

    def put(self, job: Job, png: bytes) -> None:
        """Keep the picture of the job's present attempt, on the disk when this returns."""
        path = self._path(job)
        beside = path.with_suffix(f".{token_hex(8)}")
        with _translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("wb") as file:
                file.write(png)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)

    def open(self, job: Job) -> Download:
        """Give the PNG of a job that succeeded.

        Raises:
            JobExpired: It is gone.
        """
        with _translated():
            try:
                png = self._path(job).read_bytes()
            except FileNotFoundError:
                raise JobExpired(job.id) from None
        return Download(len(png), [png])

    def signed_url(self, job: Job) -> None:
        """Give none: nobody serves the folder."""

    def discard(self, job: Job) -> None:
        """Drop the picture of the job's present attempt."""
        with _translated():
            self._path(job).unlink(missing_ok=True)

    def sweep(self, now: datetime) -> None:
        """Drop the folders whose records are gone, with what a crash has left in them."""
        with _translated():
            names = [entry.name for entry in self._root.iterdir()] if self._root.is_dir() else []
        for name in self._folders.expired(names, now):
            # What another process has just dropped, or what stays, is no error: see the next sweep.
            shutil.rmtree(self._root / name, ignore_errors=True)

    def _path(self, job: Job) -> Path:
        return self._root / self._folders.key(job)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _log.warning("the store of pictures does not answer", reason=error.strerror)
        raise StorageUnavailable from None
