"""A checkpoint in one file: what it is, and how it is read without the hub."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from diffusers import StableDiffusionPipeline
from safetensors import SafetensorError, safe_open
from transformers import CLIPTokenizer

Autoencoder: TypeAlias = Any
"""One of diffusers' autoencoders."""

_FAMILIES = Path(__file__).resolve().parent.parent / "models" / "families"

_UNET = "model.diffusion_model."
_INPUT = f"{_UNET}input_blocks.0.0.weight"
_TEXT_INPUT = ".attn2.to_k.weight"
_TEXT_ENCODER = "cond_stage_model."
_VAE = "first_stage_model."
_OF_SDXL = "conditioner.embedders.1."
_CHANNELS = 4
_OTHER_CHANNELS = {8: "an instruct-pix2pix model", 9: "an inpainting model"}

# Said by those who trained it, in the header or by a key of this name.
_SAID = "modelspec.prediction_type"
_V_PREDICTION_KEY = "v_pred"
# Where nobody has: the finetuning of SD 2.x to v-prediction is seen in this weight, as ComfyUI
# has found.
_TELLTALE = f"{_UNET}output_blocks.11.1.transformer_blocks.0.norm1.bias"
_TELLTALE_SPREAD = 0.09


class NotACheckpoint(Exception):
    """The file holds something else than a text-to-image model of a family that is known."""


@dataclass(frozen=True)
class Family:
    """Models of one architecture."""

    configs: Path
    """A folder in diffusers format, without weights."""

    pad_token: str = "<|endoftext|>"  # noqa: S105  # Not a secret.
    tokenizer: Path = _FAMILIES / "tokenizer"


_SD1_WIDTH, _SD2_WIDTH = 768, 1024
FAMILIES: Mapping[int, Family] = {
    _SD1_WIDTH: Family(_FAMILIES / "sd1"),
    _SD2_WIDTH: Family(_FAMILIES / "sd2", pad_token="!"),  # noqa: S106  # Not a secret either.
}
"""By the width of the text that the U-Net looks at."""


def load_file(
    path: Path,
    dtype: torch.dtype,
    *,
    vae: Autoencoder | None = None,
    families: Mapping[int, Family] = FAMILIES,
) -> StableDiffusionPipeline:
    """Load a checkpoint in the layout of Stable Diffusion 1.x and 2.x.

    Raises:
        NotACheckpoint: It is something else; the message says what.
    """
    family, prediction_type = _inspect(path, families, has_vae=vae is not None)
    given: dict[str, Autoencoder] = {} if vae is None else {"vae": vae}
    pipeline: StableDiffusionPipeline = StableDiffusionPipeline.from_single_file(
        str(path),
        config=str(family.configs),
        tokenizer=CLIPTokenizer.from_pretrained(family.tokenizer, pad_token=family.pad_token),
        dtype=dtype,
        local_files_only=True,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        **given,
    )
    pipeline.scheduler.register_to_config(prediction_type=prediction_type)
    return pipeline


def _inspect(path: Path, families: Mapping[int, Family], *, has_vae: bool) -> tuple[Family, str]:
    try:
        with safe_open(path, framework="pt") as file:
            header = _Header(file)
            return header.family(families, has_vae=has_vae), header.prediction_type()
    except SafetensorError as error:
        message = f"not a whole safetensors file: {error}"
        raise NotACheckpoint(message) from error


class _Header:
    """What the names and shapes of the weights tell."""

    def __init__(self, file: Any) -> None:  # noqa: ANN401  # The library has no types.
        self._file = file
        self._keys = frozenset(file.keys())

    def family(self, families: Mapping[int, Family], *, has_vae: bool) -> Family:
        wrong = self._complaint(has_vae=has_vae)
        if wrong:
            raise NotACheckpoint(wrong)
        key = next(key for key in sorted(self._keys) if self._looks_at_text(key))
        width = self._shape(key)[-1]
        if width not in families:
            message = f"not of SD 1.x or 2.x: its U-Net looks at {width} numbers of a token"
            raise NotACheckpoint(message)
        return families[width]

    def prediction_type(self) -> str:
        said = (self._file.metadata() or {}).get(_SAID, "")
        if said:
            return "v_prediction" if said.startswith("v") else "epsilon"
        if _V_PREDICTION_KEY in self._keys or self._has_telltale():
            return "v_prediction"
        return "epsilon"

    def _complaint(self, *, has_vae: bool) -> str | None:
        if self._has(_OF_SDXL):
            return "a model of SDXL, and not of SD 1.x or 2.x"
        if _INPUT not in self._keys or not any(map(self._looks_at_text, self._keys)):
            return "no U-Net of SD 1.x or 2.x is in it"
        channels = self._shape(_INPUT)[1]
        if channels != _CHANNELS:
            other = _OTHER_CHANNELS.get(channels, f"a model of {channels} channels")
            return f"{other}, and not a text-to-image model"
        if not self._has(_TEXT_ENCODER):
            return "no text encoder is in it"
        if not has_vae and not self._has(_VAE):
            return "no VAE is in it, and VAE_ID names none"
        return None

    def _has(self, prefix: str) -> bool:
        return any(key.startswith(prefix) for key in self._keys)

    def _looks_at_text(self, key: str) -> bool:
        return key.startswith(_UNET) and key.endswith(_TEXT_INPUT)

    def _shape(self, key: str) -> list[int]:
        shape: list[int] = self._file.get_slice(key).get_shape()
        return shape

    def _has_telltale(self) -> bool:
        # Its width is that of SD 2.x; SD 1.x has the key too, but not the habit.
        text = next((key for key in self._keys if self._looks_at_text(key)), None)
        if _TELLTALE not in self._keys or text is None or self._shape(text)[-1] != _SD2_WIDTH:
            return False
        spread = self._file.get_tensor(_TELLTALE).float().std(unbiased=False)
        return bool(spread > _TELLTALE_SPREAD)
