"""Which LoRAs a request may name now."""

from collections.abc import Sequence
from difflib import get_close_matches

from shared.errors import LoraUnknown
from shared.lora_registry import LoraRegistry
from shared.loras import Lora, LoraUse

_SHOWN = 5


class LiveLoras:
    """Knows the LoRAs from the workers that have them; may raise `RedisError`."""

    def __init__(self, registry: LoraRegistry) -> None:
        self._registry = registry

    def all(self) -> list[Lora]:
        """Give every LoRA, by name."""
        return self._registry.all()

    def require(self, loras: Sequence[LoraUse]) -> None:
        """Accept names that are there.

        Raises:
            LoraUnknown: One of them is not.
        """
        names = [lora.name for lora in loras]
        missing = self._registry.missing(names) if names else []
        if missing:
            there = [lora.name for lora in self.all()]
            raise LoraUnknown(names.index(missing[0]), missing[0], _nearest(missing[0], there))


def _nearest(name: str, there: Sequence[str]) -> list[str]:
    by_lower = {one.lower(): one for one in there}
    close = get_close_matches(name.lower(), by_lower, n=_SHOWN)
    return [by_lower[one] for one in close] or list(there[:_SHOWN])
