"""What a client asks for, and how the picture it got was made."""

import re
from enum import StrEnum
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from shared.loras import LoraUsed, LoraUses
from shared.prompt_rules import PromptPolicy, PromptSyntax


def _not_blank(prompt: str) -> str:
    if not prompt.strip():
        message = "must contain something other than white space"
        raise ValueError(message)
    return prompt


def _without_fraction(value: object) -> object:
    # JSON has one kind of number, and many a program writes 512 as 512.0.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_reference(text: str) -> str:
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", text):
        message = "must be a picture, or sha256: and the 64 hex digits of one that was sent before"
        raise ValueError(message)
    return text


class Scheduler(StrEnum):
    """The samplers a request can name; `shared/schedulers.py` says what they are."""

    DPM_SOLVER_PP = "dpmsolver++"
    EULER_ANCESTRAL = "euler_ancestral"
    EULER = "euler"
    HEUN = "heun"
    DDIM = "ddim"
    UNIPC = "unipc"
    LMS = "lms"
    DPM_SOLVER_PP_SDE = "dpmsolver++_sde"
    LCM = "lcm"


Prompt = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_not_blank)]
NegativePrompt = Annotated[str, Field(max_length=1000)]
# Requests are strict, so that a number in quotes or a `true` for 1 is named instead of guessed at;
# settings come as text from the environment and are not.
Whole = BeforeValidator(_without_fraction)
"""Comes after the limits of a number, so that a schema shows them."""

Steps = Annotated[int, Field(ge=5, le=60), Whole]
GuidanceScale = Annotated[float, Field(ge=1.0, le=12.0, allow_inf_nan=False)]
MAX_DIMENSION = 768
Dimension = Annotated[int, Field(ge=256, le=MAX_DIMENSION, multiple_of=8), Whole]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1), Whole]
ModelName = Annotated[str, Field(min_length=1, max_length=512)]
Strength = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
ImageReference = Annotated[str, AfterValidator(_is_reference)]

DEFAULT_STRENGTH = 0.75
"""Of requests that begin with a picture and name none."""


_NEEDS_PICTURE = "needs_picture"


class GenerationDefaults(BaseModel):
    """What a request gets for the fields it leaves out."""

    model_config = ConfigDict(frozen=True)

    num_inference_steps: Steps = 28
    guidance_scale: GuidanceScale = 7.0
    height: Dimension = 512
    width: Dimension = 512
    scheduler: Scheduler = Scheduler.DPM_SOLVER_PP


class GenerationRequest(BaseModel):
    """A picture that a client asks for; one that exists is valid."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {"prompt": "a red apple on a white table", "seed": 42},
                {
                    "prompt": "a beautiful sunset over mountains, digital art",
                    "negative_prompt": "sea",
                    "num_inference_steps": 28,
                    "guidance_scale": 7.0,
                    "height": 512,
                    "width": 512,
                    "seed": 42,
                    "scheduler": "dpmsolver++",
                },
            ],
        },
    )

    prompt: Prompt
    """What the picture shows."""

    negative_prompt: NegativePrompt | None = None
    """What the picture should not show."""

    num_inference_steps: Annotated[Steps, Field(strict=True)] = 28
    """Denoising steps: more take longer, and past about 30 change little."""

    guidance_scale: Annotated[GuidanceScale, Field(strict=True)] = 7.0
    """How closely the picture follows the prompt; 1 turns guidance off."""

    height: Annotated[Dimension, Field(strict=True)] = 512
    """Pixels."""

    width: Annotated[Dimension, Field(strict=True)] = 512
    """Pixels."""

    seed: Annotated[Seed, Field(strict=True)] | None = None
    """The same seed and fields paint the same picture; omit it for a random one."""

    scheduler: Scheduler = Scheduler.DPM_SOLVER_PP
    """The sampler; `GET /schedulers` says what each is."""

    embed_metadata: Annotated[bool, Field(strict=True)] = True
    """Whether the PNG says how it was made: the prompt, the seed, the build. No pixel depends on
    it."""

    loras: LoraUses = ()
    """LoRAs of `GET /loras` that change the model for this picture; their order does not matter."""

    init_image: ImageReference | None = None
    """The picture to begin with: a PNG, JPEG or WebP in base64, alone or as a data URL, or a file
    in a form. A job shows `sha256:…`, which may be sent instead for as long as it is kept."""

    strength: Annotated[Strength, Field(strict=True)] | None = None
    """With `init_image`: how much is painted anew, above 0 to 1. 0.75 where it is left out."""

    mask: ImageReference | None = None
    """With `init_image`, and given like it: what is white is painted anew, all else stays."""

    model: ModelName | None = None
    """Which of `GET /models` paints; omit it for the default."""

    @field_validator("strength", "mask")
    @classmethod
    def _has_a_picture(cls, value: object, info: ValidationInfo) -> object:
        if value is not None and info.data.get("init_image", "") is None:
            raise PydanticCustomError(_NEEDS_PICTURE, "needs init_image")
        return value

    @property
    def steps_run(self) -> int:
        """Sampler steps that are run: all of them, or the share that `strength` is; never none."""
        if self.strength is None:
            return self.num_inference_steps
        return max(int(self.num_inference_steps * self.strength), 1)

    def filled(
        self, defaults: GenerationDefaults, *, seed: int, model: ModelName | None = None
    ) -> Self:
        """Put the defaults in the fields that the client left out, and `seed` where it has none."""
        update = defaults.model_dump(exclude=self.model_fields_set)
        if self.seed is None:
            update["seed"] = seed
        if self.init_image is not None and self.strength is None:
            update["strength"] = DEFAULT_STRENGTH
        if self.model is None:
            update["model"] = model
        return self.model_copy(update=update)


class Timings(BaseModel):
    """Seconds that each stage of a picture took."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    queue: float
    """From the submission to the worker's claim."""

    text: float
    """Both prompts through the text encoder, and what it begins with to latents."""

    denoise: float
    """All sampler steps; in a batch they are those of all its pictures."""

    decode: float
    """Latents to pixels, and the look of the safety checker where there is one."""

    encode: float
    """Pixels to PNG."""

    total: float
    """From the worker's claim to the finished PNG, without the time in the queue."""


class Build(BaseModel):
    """The software and hardware that a picture's bytes depend on, beside its request."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    model: str
    """The hub id or the name of the local folder or file."""

    model_revision: str
    """The commit on the hub, or `sha256:…` over the weights and configs of a local model."""

    device: str
    """`cuda`, `mps` or `cpu`."""

    device_name: str
    """What the hardware calls itself."""

    dtype: str
    """`float16`, `bfloat16` or `float32`."""

    threads: int
    """CPU threads of torch: on a CPU another number changes a few pixels by one."""

    use_karras_sigmas: bool = True
    """Whether the schedulers that take Karras noise levels, DPM-Solver++, have them."""

    versions: dict[str, str]
    """Of torch, diffusers, transformers, NumPy and Pillow; on CUDA of cuDNN too."""

    # What pictures were painted with that do not say it.
    prompt_policy: PromptPolicy = PromptPolicy.TRUNCATE
    """What becomes of a prompt that is longer than what the model reads at once."""

    prompt_syntax: PromptSyntax = PromptSyntax.PLAIN
    """What brackets and BREAK mean in a prompt."""

    chunk_tokens: int = 75
    """Tokens of a prompt that the model reads at once."""

    tokenizer: str | None = None
    """`sha256:…` over the tokenizer's JSON."""

    vae: str | None = None
    """The autoencoder that took the place of the model's own, by its name and revision."""

    channels_last: bool = False
    """Whether pictures lie in memory pixel by pixel: it changes a few of them by one."""

    compiled: str | None = None
    """How the model was compiled, and for which sizes; null where it was not."""

    prediction_type: str | None = None
    """`epsilon` or `v_prediction` where that was set, and not taken from the model."""

    switches: dict[str, str] = {}
    """Variables of the environment that change how numbers are computed, where they are set."""


class GenerationResult(BaseModel):
    """How a finished picture was made; the PNG is stored beside it, never inside."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    seed: int
    num_inference_steps: int
    guidance_scale: float
    scheduler: Scheduler
    height: int
    width: int
    prompt_tokens: int
    """Of the prompt, as the model's tokenizer counts."""

    dropped_text: str
    """The end of the prompt that the model did not read; empty where it read all."""

    build: Build
    timings: Timings
    image_bytes: int
    """Size of the PNG."""

    image_sha256: str
    """Of the PNG's bytes, in hex."""

    loras: tuple[LoraUsed, ...] = ()
    """The LoRAs that it was painted with, in the order of the request."""

    prompt_chunks: int = 1
    """In how many parts the prompt was read."""

    negative_prompt_tokens: int = 0
    """Of the negative prompt."""

    dropped_negative_text: str = ""
    """The end of the negative prompt that the model did not read."""

    flagged: bool | None = None
    """Whether the safety checker took offence; null where there is none."""

    batch_size: int = 1
    """How many pictures went through the model at once: beside others it is not the same to the
    bit."""
