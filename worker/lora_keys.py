"""How trainers call the tensors of a LoRA: those of kohya, and those of diffusers and PEFT."""

import re
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Self


class Part(StrEnum):
    """Which tensor of a pair: `up` times `down`, scaled by `alpha`, is added to a weight."""

    DOWN = auto()
    UP = auto()
    ALPHA = auto()


class Root(StrEnum):
    """Which part of the model a tensor belongs to."""

    UNET = auto()
    TEXT_ENCODER = auto()


_PARTS = {
    "lora_down": Part.DOWN,
    "lora_up": Part.UP,
    "lora_A": Part.DOWN,
    "lora_B": Part.UP,
    "lora_A.default": Part.DOWN,
    "lora_B.default": Part.UP,
    "lora.down": Part.DOWN,
    "lora.up": Part.UP,
    "lora_linear_layer.down": Part.DOWN,
    "lora_linear_layer.up": Part.UP,
}
_ENDINGS = {**{f".{name}.weight": part for name, part in _PARTS.items()}, ".alpha": Part.ALPHA}
_PREFIXES = {
    "lora_unet_": Root.UNET,
    "unet_": Root.UNET,
    "lora_te_": Root.TEXT_ENCODER,
    "text_encoder_": Root.TEXT_ENCODER,
}
# As diffusers wrote them at first: `attn1.processor.to_q_lora.down.weight`.
_PROCESSOR = re.compile(r"\.processor\.to_(q|k|v|out)_lora\.(down|up)\.weight$")


@dataclass(frozen=True)
class Place:
    """The module that a tensor is for, with underscores for the dots in its name."""

    root: Root
    module: str

    @classmethod
    def of(cls, root: Root, name: str) -> Self:
        """Give the place of a module; the text model's is the same with and without its wrapper."""
        flat = name.replace(".", "_")
        is_text = root is Root.TEXT_ENCODER
        return cls(root, flat.removeprefix("text_model_") if is_text else flat)


def placed(key: str) -> tuple[Place, Part] | None:
    """Say what a tensor is for; None where it is not of a LoRA."""
    key = _PROCESSOR.sub(_modern, key.removeprefix("base_model.model."))
    for ending, part in _ENDINGS.items():
        if key.endswith(ending):
            return _place_of(key.removesuffix(ending)), part
    return None


def _place_of(module: str) -> Place:
    flat = module.replace(".", "_")
    for prefix, root in _PREFIXES.items():
        if flat.startswith(prefix):
            return Place.of(root, flat.removeprefix(prefix))
    return Place.of(Root.UNET, flat)  # What trainers of the U-Net alone write.


def _modern(old: re.Match[str]) -> str:
    projection = "out.0" if old[1] == "out" else old[1]
    return f".to_{projection}.lora.{old[2]}.weight"
