"""How strongly a LoRA was trained to count, where its tensors do not say it."""

from collections.abc import Mapping
from math import sqrt
from typing import Self

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from worker.lora_keys import Place, Root

_KEY = "lora_adapter_metadata"
_JSON_OBJECT = TypeAdapter(dict[str, JsonValue])


class _Adapter(BaseModel):
    lora_alpha: float
    alpha_pattern: dict[str, float] = {}
    use_rslora: bool = False


class LoraScales:
    """What diffusers writes of PEFT's settings into a file's metadata."""

    def __init__(self, adapters: Mapping[Root, _Adapter]) -> None:
        self._adapters = adapters
        self._alphas = {
            Place.of(root, module): alpha
            for root, adapter in adapters.items()
            for module, alpha in adapter.alpha_pattern.items()
        }

    @classmethod
    def of(cls, metadata: Mapping[str, str]) -> Self:
        """Read the metadata of a file; most say nothing."""
        try:
            said = _JSON_OBJECT.validate_json(metadata.get(_KEY, "{}"))
        except ValidationError:
            said = {}
        adapters = {root: _adapter_in(said, root) for root in Root}
        return cls({root: adapter for root, adapter in adapters.items() if adapter})

    def scale(self, place: Place, rank: int) -> float:
        """Give the factor of a pair of tensors; 1 where nothing is said."""
        adapter = self._adapters.get(place.root)
        if adapter is None:
            return 1.0
        alpha = self._alphas.get(place, adapter.lora_alpha)
        return alpha / (sqrt(rank) if adapter.use_rslora else rank)


def _adapter_in(said: Mapping[str, JsonValue], root: Root) -> _Adapter | None:
    prefix = f"{root}."
    own = {
        name.removeprefix(prefix): value for name, value in said.items() if name.startswith(prefix)
    }
    try:
        return _Adapter.model_validate(own)
    except ValidationError:
        return None
