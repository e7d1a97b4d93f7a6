"""Pictures in a bucket of S3, or of what speaks its language."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from shared.errors import JobExpired, StorageMisconfigured, StorageUnavailable
from shared.image_folders import ImageFolders
from shared.image_store import Download
from shared.jobs import Job
from shared.log import get_logger

if TYPE_CHECKING:
    from obstore import GetResult  # Not there at run time.

_log = get_logger(__name__)

SIGNED_FOR = timedelta(hours=1)
"""How long an address of a picture is good."""

_CHUNK_BYTES = 256 * 1024
_REFUSED = re.compile(r"non-2xx status code: (4\d\d)")
_CODE = re.compile(r"<Code>(\w+)</Code>")


class ObjectImages:
    """Keeps pictures as objects; who may, it knows from the environment as AWS's tools do.

    Its threads do not live on in a forked process: make it in the process that uses it.

    Raises:
        StorageMisconfigured: The environment cannot be understood.
    """

    def __init__(self, bucket: str, prefix: str, folders: ImageFolders, *, signs: bool) -> None:
        self._bucket = bucket
        self._folders = folders
        self._signs = signs
        try:
            self._store = _store(bucket, prefix)
        except BaseError as error:
            what = str(error).splitlines()[0].rpartition(": ")[2]
            raise self._unusable(what) from None

    def check(self) -> None:
        """Look into the bucket.

        Raises:
            StorageMisconfigured: It is not there, or does not let us in.
        """
        try:
            with _translated():
                next(iter(obstore.list(self._store, chunk_size=1)), None)
        except StorageUnavailable as error:
            if isinstance(error.__cause__, Exception) and _REFUSED.search(str(error.__cause__)):
                raise self._unusable(_reason(error.__cause__)) from None
            raise

    def _unusable(self, reason: str) -> StorageMisconfigured:
        return StorageMisconfigured(f"the bucket {self._bucket!r} cannot be used ({reason})")

    def put(self, job: Job, png: bytes) -> None:
        """Keep the picture of the job's present attempt."""
        with _translated():
            obstore.put(
                self._store,
                self._folders.key(job),
                png,
                attributes={"Content-Type": "image/png"},
                use_multipart=False,
            )

    def open(self, job: Job) -> Download:
        """Give the PNG of a job that succeeded, chunk by chunk as it comes.

        Raises:
            JobExpired: It is gone.
        """
        with _translated():
            try:
                found = obstore.get(self._store, self._folders.key(job))
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                raise JobExpired(job.id) from None
        return Download(found.meta["size"], _chunks(found))

    def signed_url(self, job: Job) -> str | None:
        """Give an address of the picture that is good for an hour, where that is asked for."""
        if not self._signs:
            return None
        with _translated():
            return obstore.sign(self._store, "GET", self._folders.key(job), SIGNED_FOR)

    def discard(self, job: Job) -> None:
        """Drop the picture of the job's present attempt; what has to stay is swept later."""
        with suppress(StorageUnavailable), _translated():
            obstore.delete(self._store, self._folders.key(job))

    def sweep(self, now: datetime) -> None:
        """Drop the pictures of the folders whose records are gone."""
        with _translated():
            listed = obstore.list_with_delimiter(self._store)
            names = [PurePosixPath(prefix).name for prefix in listed["common_prefixes"]]
            for folder in self._folders.expired(names, now):
                for page in obstore.list(self._store, folder):
                    obstore.delete(self._store, [entry["path"] for entry in page])


def _store(bucket: str, prefix: str) -> S3Store:
    return S3Store(
        bucket,
        prefix=prefix or None,
        client_options={
            "allow_http": True,  # Where the endpoint is written so.
            "connect_timeout": "1s",
            "timeout": "20s",
        },
        # Short: who waits with patience has it himself.
        retry_config={"max_retries": 1, "retry_timeout": timedelta(seconds=2)},
    )


def _chunks(found: "GetResult") -> Iterator[bytes]:
    with _translated():
        for chunk in found.stream(min_chunk_size=_CHUNK_BYTES):
            yield bytes(chunk)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        _log.warning("the store of pictures does not answer", reason=_reason(error))
        raise StorageUnavailable from error


def _reason(error: BaseException) -> str:
    """Say it in a word: the whole text has addresses in it."""
    code, refused = _CODE.search(str(error)), _REFUSED.search(str(error))
    return code[1] if code else refused[1] if refused else type(error).__name__
