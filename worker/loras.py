"""LoRAs on the warm model for one job, and off it again.

Each is added to the weights themselves, as A1111 does, and not computed beside them at each step
as PEFT does. What was there before is kept and put back: the very same tensors, so no bit of the
model is another one afterwards, whatever ended the job.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from diffusers import StableDiffusionPipeline

from shared.job_parts import FailureType
from shared.loras import LoraUse, LoraUsed
from worker.lora_folder import LoraFile, LoraFolder
from worker.lora_keys import Place, Root
from worker.lora_weights import LoraCache, LoraPair, LoraUnusable, LoraWeights
from worker.painting import PaintingFailed

_Weighted = torch.nn.Linear | torch.nn.Conv2d


class LoraShelf:
    """Gives the tensors of LoRAs by their names."""

    def __init__(self, folder: LoraFolder, cache: LoraCache) -> None:
        self._folder = folder
        self._cache = cache

    def take(self, use: LoraUse) -> "_Taken":
        """Give what a request asks for.

        Raises:
            PaintingFailed: It is not there, or cannot be used.
        """
        file = self._folder.find(use.name)
        if file is None:
            raise _failed(use.name, "it is not in the worker's folder any more")
        try:
            return _Taken(use, file, self._cache.get(file))
        except LoraUnusable as error:
            raise _failed(use.name, str(error)) from None


@dataclass(frozen=True)
class _Taken:
    use: LoraUse
    file: LoraFile
    weights: LoraWeights

    @property
    def told(self) -> LoraUsed:
        hashes = self.weights.hashes
        return LoraUsed(
            name=self.use.name,
            weight=self.use.weight,
            sha256=hashes.sha256,
            autov3=hashes.autov3,
        )


@contextmanager
def applied_loras(
    pipeline: StableDiffusionPipeline, uses: Sequence[LoraUse], shelf: LoraShelf
) -> Iterator[tuple[LoraUsed, ...]]:
    """Have the pipeline's modules paint with these LoRAs until the end of the block.

    Raises:
        PaintingFailed: One of them cannot be used; the modules are as before.
    """
    taken = [shelf.take(use) for use in uses]
    originals: dict[_Weighted, torch.Tensor] = {}
    try:
        if taken:
            # Sums of floats depend on their order, and a picture is not to depend on the list's.
            _add(sorted(taken, key=lambda one: one.use.name), _modules_of(pipeline), originals)
        yield tuple(one.told for one in taken)
    finally:
        for module, weight in originals.items():
            module.weight = weight


def _modules_of(pipeline: StableDiffusionPipeline) -> dict[Place, _Weighted]:
    roots = {Root.UNET: pipeline.unet, Root.TEXT_ENCODER: pipeline.text_encoder}
    return {
        Place.of(root, name): module
        for root, whole in roots.items()
        for name, module in whole.named_modules()
        if isinstance(module, _Weighted)
    }


def _add(
    taken: Sequence[_Taken],
    modules: Mapping[Place, _Weighted],
    originals: dict[_Weighted, torch.Tensor],
) -> None:
    pairs: dict[Place, list[tuple[_Taken, LoraPair]]] = {}
    for one in taken:
        for place, pair in one.weights.pairs.items():
            if place not in modules:
                raise _made_for_another(one, f"{place.module[:80]} has no place in this model")
            pairs.setdefault(place, []).append((one, pair))
    for place, additions in pairs.items():
        module = modules[place]
        changed = _changed(module.weight, place, additions)
        originals[module] = module.weight
        module.weight = torch.nn.Parameter(changed, requires_grad=False)


def _changed(
    original: torch.Tensor, place: Place, additions: Sequence[tuple[_Taken, LoraPair]]
) -> torch.Tensor:
    # In float32, so that what is added is rounded once.
    weight = original.to(torch.float32, copy=True, memory_format=torch.contiguous_format)
    for one, pair in additions:
        try:
            pair.add_to(weight, one.use.weight)
        except LoraUnusable as error:
            raise _made_for_another(one, f"{place.module[:80]} {error}") from None
    return torch.empty_like(original).copy_(weight)  # In its layout and dtype.


def _made_for_another(one: _Taken, sign: str) -> PaintingFailed:
    said = one.file.header.base_model
    base = f", by its own words {said}" if said else ""
    return _failed(one.use.name, f"it was made for another base model{base}: {sign}")


def _failed(name: str, reason: str) -> PaintingFailed:
    return PaintingFailed(FailureType.LORA_UNUSABLE, f"The LoRA {name!r} cannot be used: {reason}.")
