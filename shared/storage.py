"""The one place that picks where pictures are kept, by STORAGE_URL."""

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from redis import Redis

from shared.errors import StorageMisconfigured, StorageUnavailable
from shared.file_images import FileImages
from shared.image_folders import ImageFolders
from shared.image_store import ImageStore
from shared.log import get_logger
from shared.redis_images import RedisImages
from shared.settings import Settings

_log = get_logger(__name__)


def images_for(settings: Settings, redis: Redis) -> ImageStore:
    """Give the store of pictures that the settings ask for.

    Raises:
        StorageMisconfigured: It cannot be one.
    """
    folders = ImageFolders(job_timeout=settings.job_timeout, result_ttl=settings.result_ttl)
    url = urlsplit(settings.storage_url)
    if url.scheme == "file":
        return FileImages(Path(url2pathname(url.path)), folders)
    if url.scheme == "s3":
        return _in_bucket(
            url.netloc, url.path.strip("/"), folders, signs=settings.storage_signed_urls
        )
    return RedisImages(redis, result_ttl=settings.result_ttl)


def checked_images_for(settings: Settings, redis: Redis) -> ImageStore:
    """Give the store of pictures; one that does not answer may do so later.

    Raises:
        StorageMisconfigured: No picture can ever be kept there.
    """
    images = images_for(settings, redis)
    try:
        images.check()
    except StorageUnavailable:
        _log.warning("the store of pictures does not answer yet")
    return images


def _in_bucket(bucket: str, prefix: str, folders: ImageFolders, *, signs: bool) -> ImageStore:
    try:
        from shared.object_images import ObjectImages  # noqa: PLC0415  # An extra.
    except ImportError:
        message = (
            "pictures in a bucket need an extra: pip install 'semantic-bit-gpu-server[storage]'"
        )
        raise StorageMisconfigured(message) from None
    return ObjectImages(bucket, prefix, folders, signs=signs)
