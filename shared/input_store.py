"""Pictures that jobs begin with, in Redis under their content, apart for each owner."""

import hashlib
from collections.abc import Iterable

from redis import Redis

from shared.keys import input_key
from shared.png_text import HEAD_BYTES, size_in

_UPLOADED_SECONDS = 300
"""Long enough to submit a job; a picture that no job was admitted for is soon gone."""

Size = tuple[int, int]


class InputStore:
    """Keeps PNGs for as long as a job may need them; whoever uses one again renews it."""

    def __init__(self, redis: Redis, *, kept_seconds: int) -> None:
        """Take for how long a picture is kept after a job was admitted with it."""
        self._redis = redis
        self._kept_seconds = kept_seconds

    def put(self, owner: str, png: bytes) -> str:
        """Keep a picture for a while, and give its reference."""
        reference = f"sha256:{hashlib.sha256(png).hexdigest()}"
        key = input_key(owner, reference)
        pipeline = self._redis.pipeline()
        pipeline.set(key, png, ex=_UPLOADED_SECONDS, nx=True)
        pipeline.expire(key, _UPLOADED_SECONDS, gt=True)
        pipeline.execute()
        return reference

    def look(self, owner: str, reference: str) -> Size | None:
        """Give width and height of a picture, which stays for a while; None where it is gone."""
        key = input_key(owner, reference)
        pipeline = self._redis.pipeline()
        pipeline.expire(key, _UPLOADED_SECONDS, gt=True)
        pipeline.getrange(key, 0, HEAD_BYTES - 1)
        _, head = pipeline.execute()
        return size_in(head) if head else None

    def keep(self, owner: str, references: Iterable[str]) -> None:
        """Keep pictures for the jobs that were admitted with them."""
        pipeline = self._redis.pipeline()
        for reference in references:
            pipeline.expire(input_key(owner, reference), self._kept_seconds, gt=True)
        pipeline.execute()

    def get(self, owner: str, reference: str) -> bytes | None:
        """Give a PNG, or None where it is gone."""
        png = self._redis.get(input_key(owner, reference))
        return png if isinstance(png, bytes) else None
