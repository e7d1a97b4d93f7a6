"""What a client of OpenAI's Images API may ask for here; whatever else it asks is refused."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from api.picture_formats import PictureFormat
from api.series import MAX_PICTURES
from shared.generation import (
    Dimension,
    GuidanceScale,
    NegativePrompt,
    Prompt,
    Scheduler,
    Seed,
    Steps,
    Whole,
)
from shared.loras import LoraUses

AUTO_SIZE = "auto"

_dimension = TypeAdapter(Dimension)
_LIMITS = _dimension.json_schema()
_SIZE_RULE = (
    f"must be auto or WIDTHxHEIGHT, each from {_LIMITS['minimum']} to {_LIMITS['maximum']} "
    f"and a multiple of {_LIMITS['multipleOf']}"
)


def _fits(size: str) -> str:
    if size == AUTO_SIZE or _is_within_limits(size):
        return size
    raise ValueError(_SIZE_RULE)


def _is_within_limits(size: str) -> bool:
    sides = re.fullmatch(r"(\d{1,5})x(\d{1,5})", size, re.ASCII)
    if sides is None:
        return False
    try:
        return all(_dimension.validate_python(int(side)) for side in sides.groups())
    except ValueError:
        return False


def _refuse(value: object) -> object:
    if value is not None:
        message = "this service does not do that: leave the field out"
        raise ValueError(message)
    return value


Size = Annotated[str, AfterValidator(_fits)]
Name = Annotated[str, Field(max_length=512)]
NotDoneHere = Annotated[None, BeforeValidator(_refuse)]


class ImagesRequest(BaseModel):
    """Pictures that a client asks for; null means the default, as there."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {"prompt": "a red apple on a white table", "size": "512x512", "n": 2, "seed": 42},
                {"prompt": "a cat on a mat", "stream": True, "partial_images": 2},
            ],
        },
    )

    prompt: Prompt
    """What the pictures show."""

    model: Name | None = None
    """One of `GET /v1/models`; without it, what is loaded."""

    n: Annotated[int, Field(strict=True, ge=1, le=MAX_PICTURES), Whole] | None = None
    """Pictures; each is a job of its own. 1 where it is left out."""

    size: Size | None = None
    """`auto` (the installation's own) or WIDTHxHEIGHT: 256 to 768 each, a multiple of 8."""

    response_format: Literal["b64_json", "url"] | None = None
    """`b64_json`, which is the default, or `url` of the PNG; a key is needed there too."""

    output_format: PictureFormat | None = None
    """`png`, which is the default, `jpeg` or `webp`."""

    output_compression: Annotated[int, Field(strict=True, ge=0, le=100), Whole] | None = None
    """Quality of a jpeg or webp; 100 where it is left out."""

    stream: Annotated[bool, Field(strict=True)] | None = None
    """Answer with server-sent events."""

    partial_images: Annotated[int, Field(strict=True, ge=0, le=3), Whole] | None = None
    """With `stream`: pictures on the way, enlarged from previews; fewer come where it is quick."""

    quality: Literal["auto", "standard"] | None = None
    """There is one; `num_inference_steps` is what changes it."""

    background: Literal["auto", "opaque"] | None = None
    """Pictures are opaque."""

    moderation: Literal["auto", "low"] | None = None
    """No picture is looked at by a filter, whichever is asked for."""

    user: Name | None = None
    """Goes into the log with the job's id, hashed."""

    safety_identifier: Name | None = None
    """The same; it goes before `user`."""

    seed: Annotated[Seed, Field(strict=True)] | None = None
    """Of the first picture; the next ones have seed + 1, seed + 2, … Without it each is random."""

    num_inference_steps: Annotated[Steps, Field(strict=True)] | None = None
    """Denoising steps."""

    guidance_scale: Annotated[GuidanceScale, Field(strict=True)] | None = None
    """How closely the pictures follow the prompt; 1 turns guidance off."""

    negative_prompt: NegativePrompt | None = None
    """What the pictures should not show."""

    scheduler: Scheduler | None = None
    """The sampler."""

    loras: LoraUses | None = None
    """LoRAs of `GET /loras` that change the model for these pictures."""

    style: NotDoneHere = None
    complexity: NotDoneHere = None
    frame_count: NotDoneHere = None
    frame_duration_ms: NotDoneHere = None
    svg: NotDoneHere = None

    @property
    def count(self) -> int:
        """How many pictures."""
        return self.n or 1

    @property
    def format(self) -> PictureFormat:
        """Which format they have."""
        return self.output_format or PictureFormat.PNG

    @property
    def identifier(self) -> str | None:
        """Whom the client asks for, in its own words."""
        return self.safety_identifier or self.user
