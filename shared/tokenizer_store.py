"""The tokenizers of live models, where every API process finds them."""

import zlib

from redis import Redis

from shared.keys import tokenizer_key

_KEPT_SECONDS = 24 * 3600


class TokenizerStore:
    """Keeps the JSON of tokenizers by its hash, for a day after it was last in use."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def keep(self, tokenizer_id: str, definition: str) -> None:
        """Keep a tokenizer; cheap where it is there already."""
        key = tokenizer_key(tokenizer_id)
        if not self._redis.expire(key, _KEPT_SECONDS):
            self._redis.set(key, zlib.compress(definition.encode()), ex=_KEPT_SECONDS)

    def get(self, tokenizer_id: str) -> str | None:
        """Give the JSON of a tokenizer, or None where nobody keeps it."""
        kept = self._redis.get(tokenizer_key(tokenizer_id))
        return zlib.decompress(kept).decode() if isinstance(kept, bytes) else None
