"""LoRAs: small files beside the model that change what it paints, named in a request."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_LORAS = 8
"""Of one request."""

# Nothing that a path, an A1111 tag or its list of hashes is divided by, and no space at the end.
_PATTERN = r"^[\w(\[]([\w .()\[\]+&'!-]*[\w.()\[\]+&'!-])?$"
LoraName = Annotated[str, Field(min_length=1, max_length=100, pattern=_PATTERN)]
LoraWeight = Annotated[float, Field(strict=True, ge=-2, le=2, allow_inf_nan=False)]


class LoraUse(BaseModel):
    """A LoRA that a request asks for."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: LoraName
    """One of `GET /loras`."""

    weight: LoraWeight = 1.0
    """How strongly it counts: 0 not at all, below 0 the other way round."""


def _each_once(loras: Sequence[LoraUse]) -> Sequence[LoraUse]:
    names = [lora.name for lora in loras]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        message = f"each can be named once, and {', '.join(twice)} is named more often"
        raise ValueError(message)
    return loras


LoraUses = Annotated[tuple[LoraUse, ...], Field(max_length=MAX_LORAS), AfterValidator(_each_once)]


class LoraUsed(BaseModel):
    """A LoRA that a picture was painted with."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    name: str
    weight: float
    sha256: str
    """Of the file, in hex."""

    autov3: str
    """What A1111 and Civitai know the file by: the first 12 hex digits of the SHA-256 of its
    tensors alone."""


class Lora(BaseModel):
    """A LoRA that is there, and what its file says of itself."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    name: str
    """What a request calls it: the file's name without `.safetensors`."""

    size_bytes: int
    title: str | None = None
    """What its maker calls it."""

    base_model: str | None = None
    """What it was trained for, in the words of its trainer."""

    trigger_words: tuple[str, ...] = ()
    """Words of its training, the most frequent first, that bring it out in a prompt."""

    sha256: str | None = None
    """Of the file, in hex; null until the worker has come to it."""

    autov3: str | None = None
    """The first 12 hex digits of the SHA-256 of its tensors alone, as on Civitai."""
