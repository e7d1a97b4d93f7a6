"""What the text encoder gave for chunks of prompts, kept for those that come again."""

from collections import OrderedDict
from collections.abc import Callable

import torch

from shared.prompt_reader import Chunk

CACHE_BYTES = 64 * 2**20
"""On the device: of SD 1.5 some 500 chunks in half precision."""

_Key = tuple[tuple[int, float], ...]


class TextCache:
    """Keeps those of one model that were used last, as long as they fit into `limit_bytes`."""

    def __init__(self, limit_bytes: int = CACHE_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._kept: OrderedDict[_Key, torch.Tensor] = OrderedDict()

    def get(self, chunk: Chunk, encode: Callable[[Chunk], torch.Tensor]) -> torch.Tensor:
        """Give what a chunk is encoded to; nobody may change it."""
        key = _key(chunk)
        states = self._kept.pop(key, None)
        if states is None:
            states = encode(chunk)
        self._kept[key] = states
        self._shrink()
        return states

    def clear(self) -> None:
        """Keep nothing of what came so far."""
        self._kept.clear()

    @property
    def size_bytes(self) -> int:
        """How much is kept."""
        return sum(states.nbytes for states in self._kept.values())

    def _shrink(self) -> None:
        while self._kept and self.size_bytes > self._limit_bytes:
            self._kept.popitem(last=False)


def _key(chunk: Chunk) -> _Key:
    # The policy and the syntax have decided on these numbers, and nothing else reaches the encoder.
    return tuple((token.id, token.weight) for token in chunk)
