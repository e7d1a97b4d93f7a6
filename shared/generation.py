"""What a client asks for, and how the picture it got was made."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _not_blank(prompt: str) -> str:
    if not prompt.strip():
        message = "must contain something other than white space"
        raise ValueError(message)
    return prompt


class Scheduler(StrEnum):
    """The samplers a request can name."""

    DPM_SOLVER_PP = "dpmsolver++"
    EULER_ANCESTRAL = "euler_ancestral"


Prompt = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_not_blank)]
NegativePrompt = Annotated[str, Field(max_length=1000)]
# Requests are strict, so that a number in quotes or a `true` for 1 is named instead of guessed at;
# settings come as text from the environment and are not.
Steps = Annotated[int, Field(ge=5, le=60)]
GuidanceScale = Annotated[float, Field(ge=1.0, le=12.0, allow_inf_nan=False)]
Dimension = Annotated[int, Field(ge=256, le=768, multiple_of=8)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
ModelName = Annotated[str, Field(min_length=1, max_length=512)]


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
    """The sampler: DPM-Solver++ 2M with Karras sigmas, or Euler ancestral."""

    embed_metadata: Annotated[bool, Field(strict=True)] = True
    """Whether the PNG says how it was made: the prompt, the seed, the build. No pixel depends on
    it."""

    model: ModelName | None = None
    """Which of `GET /models` paints; omit it for the default."""

    def filled(
        self, defaults: GenerationDefaults, *, seed: int, model: ModelName | None = None
    ) -> Self:
        """Put the defaults in the fields that the client left out, and `seed` where it has none."""
        update = defaults.model_dump(exclude=self.model_fields_set)
        if self.seed is None:
            update["seed"] = seed
        if self.model is None:
            update["model"] = model
        return self.model_copy(update=update)


class Timings(BaseModel):
    """Seconds that each stage of a picture took."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    queue: float
    """From the submission to the worker's claim."""

    text: float
    """Both prompts through the text encoder."""

    denoise: float
    """All sampler steps."""

    decode: float
    """Latents to pixels."""

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
    """The commit on the hub, or `sha256:…` over the weight files of a local model."""

    device: str
    """`cuda`, `mps` or `cpu`."""

    device_name: str
    """What the hardware calls itself."""

    dtype: str
    """`float16`, `bfloat16` or `float32`."""

    threads: int
    """CPU threads of torch: on a CPU another number changes a few pixels by one."""

    use_karras_sigmas: bool = True
    """Whether DPM-Solver++ takes Karras noise levels."""

    versions: dict[str, str]
    """Of torch, diffusers and transformers."""

    vae: str | None = None
    """The autoencoder that took the place of the model's own, by its name and revision."""

    prediction_type: str | None = None
    """`epsilon` or `v_prediction` where that was set, and not taken from the model."""


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
    """Of the prompt, as the model's tokenizer counts; it reads 75 of them."""

    dropped_text: str
    """The end of the prompt that the model did not read; empty where it read all."""

    build: Build
    timings: Timings
    image_bytes: int
    """Size of the PNG."""

    image_sha256: str
    """Of the PNG's bytes, in hex."""
