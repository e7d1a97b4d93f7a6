"""Where jobs and pictures are kept, and for how long."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from shared.redis_address import check_redis_url
from shared.setting_groups.group import Group


def _storage_url(text: str) -> str:
    url = urlsplit(text)
    if "@" in url.netloc:
        message = "must hold no credentials; AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY have them"
        raise ValueError(message)
    is_file = url.scheme == "file" and not url.netloc and url.path.startswith("/")
    is_bucket = url.scheme == "s3" and bool(url.netloc)
    if text != "redis://" and (not (is_file or is_bucket) or url.query or url.fragment):
        message = "must be redis://, file:///folder or s3://bucket/prefix"
        raise ValueError(message)
    return text


class StorageSettings(Group):
    """Of what is kept."""

    redis_url: Annotated[str, AfterValidator(check_redis_url)] = "redis://127.0.0.1:6379/0"
    """Redis that holds jobs and pictures: redis://, rediss:// or sentinel://, see docs/redis.md;
    ./run.sh starts one of its own where this is not set."""

    storage_url: Annotated[str, AfterValidator(_storage_url)] = "redis://"
    """Where pictures are kept: redis:// beside the jobs, file:///folder that all machines share, or
    s3://bucket/prefix; docs/storage.md."""

    storage_signed_urls: bool = False
    """Give clients addresses of the bucket itself, good for an hour, where they ask for a URL."""

    data_dir: Path = Path(".data")
    """Folder where ./run.sh keeps the data of a Redis of its own."""

    result_ttl: Annotated[int, Field(ge=1)] = 3600
    """Seconds that a finished job and its picture are kept; then 410."""
