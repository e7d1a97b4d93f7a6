"""The tensors of LoRAs, read and checked; those used last stay in memory."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from safetensors import SafetensorError
from safetensors.torch import load

from shared.log import get_logger
from worker.lora_folder import LoraFile, Stamp
from worker.lora_hashes import Hashes
from worker.lora_keys import Part, Place, placed
from worker.lora_scales import LoraScales

_log = get_logger(__name__)

_DIMENSIONS = frozenset({2, 4})  # Of linear layers and convolutions.

CACHE_BYTES = 512 * 2**20
"""Of tensors in the CPU's memory: three or four LoRAs of rank 128, or some fifty of rank 8."""


class LoraUnusable(Exception):
    """A file cannot be used; the message is a clause that says why."""


@dataclass(frozen=True)
class LoraPair:
    """What is added to the weight of one module: `scale` times `up` times `down`."""

    down: torch.Tensor
    up: torch.Tensor
    scale: float

    def add_to(self, weight: torch.Tensor, factor: float) -> None:
        """Add it, `factor` times, to a contiguous weight in float32.

        Raises:
            LoraUnusable: It has another shape.
        """
        # A convolution is a product too, of all that one output pixel sees.
        rows = weight.view(weight.shape[0], -1)
        up = self.up.to(rows.device, rows.dtype).flatten(1)
        down = self.down.to(rows.device, rows.dtype).flatten(1)
        if (up.shape[0], down.shape[1]) != rows.shape:
            needs, has = _size_of(*rows.shape), _size_of(up.shape[0], down.shape[1])
            message = f"is {has} where this model has {needs}"
            raise LoraUnusable(message)
        rows.addmm_(up, down, alpha=factor * self.scale)


@dataclass(frozen=True)
class LoraWeights:
    """A LoRA in memory."""

    pairs: Mapping[Place, LoraPair]
    hashes: Hashes
    size_bytes: int


class LoraCache:
    """Reads files, and keeps those used last as long as they fit into `limit_bytes`."""

    def __init__(self, limit_bytes: int = CACHE_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._kept: OrderedDict[Stamp, LoraWeights] = OrderedDict()

    def get(self, file: LoraFile) -> LoraWeights:
        """Give the tensors of a file, as it is now.

        Raises:
            LoraUnusable: It is broken, or of another kind.
        """
        weights = self._kept.pop(file.stamp, None) or read_weights(file)
        self._kept[file.stamp] = weights
        self._shrink()
        return weights

    def _shrink(self) -> None:
        while len(self._kept) > 1 and self.size_bytes > self._limit_bytes:
            self._kept.popitem(last=False)

    @property
    def size_bytes(self) -> int:
        """How much is kept."""
        return sum(weights.size_bytes for weights in self._kept.values())


def read_weights(file: LoraFile) -> LoraWeights:
    """Read a file.

    Raises:
        LoraUnusable: It is broken, or of another kind.
    """
    try:
        content = file.stamp.path.read_bytes()
        tensors = load(content)
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        _log.warning("a LoRA cannot be read", name=file.name, reason=str(error))
        message = "its file is broken"
        raise LoraUnusable(message) from None
    hashes = Hashes.of(memoryview(content), file.header.length)
    pairs = _pairs(tensors, LoraScales.of(file.header.metadata))
    return LoraWeights(pairs, hashes, sum(map(_size, tensors.values())))


def _size_of(rows: int, columns: int) -> str:
    return f"{rows} by {columns}"


def _size(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _pairs(tensors: Mapping[str, torch.Tensor], scales: LoraScales) -> dict[Place, LoraPair]:
    parts: dict[Place, dict[Part, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        found = placed(key)
        if found is None:
            message = f"it is of a kind that is not done here, with a tensor {key[:80]!r}"
            raise LoraUnusable(message)
        if not torch.isfinite(tensor).all():
            message = "it has numbers that are not finite"
            raise LoraUnusable(message)
        place, part = found
        parts.setdefault(place, {})[part] = tensor
    return {place: _pair(place, own, scales) for place, own in parts.items()}


def _pair(place: Place, parts: Mapping[Part, torch.Tensor], scales: LoraScales) -> LoraPair:
    if Part.DOWN not in parts or Part.UP not in parts:
        message = f"half of {place.module[:80]} is missing"
        raise LoraUnusable(message)
    down, up, alpha = parts[Part.DOWN], parts[Part.UP], parts.get(Part.ALPHA)
    if not _fit(down, up) or (alpha is not None and alpha.numel() != 1):
        message = f"the parts of {place.module[:80]} do not fit together"
        raise LoraUnusable(message)
    rank = down.shape[0]
    scale = float(alpha) / rank if alpha is not None else scales.scale(place, rank)
    return LoraPair(down, up, scale)


def _fit(down: torch.Tensor, up: torch.Tensor) -> bool:
    are_matrices = {down.dim(), up.dim()} <= _DIMENSIONS
    return are_matrices and 0 < down.shape[0] == up.flatten(1).shape[1]
