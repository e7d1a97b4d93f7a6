"""What a client of A1111's API may ask for here.

Of what we cannot do, only the value that leaves it out is taken. Fields that have no effect beside
such a value are taken as they come, as A1111 takes them.
"""

import json
import re
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)

from api.series import HIGHEST_SEED, MAX_PICTURES
from shared.generation import Dimension, GuidanceScale, NegativePrompt, Prompt, Steps
from shared.lora_tags import read_tags
from shared.loras import LoraUse, LoraUses

RANDOM_SEED = -1

_NETWORK = re.compile(r"<(lora|lyco|hypernet):", re.IGNORECASE)
_LORA_USES = TypeAdapter[tuple[LoraUse, ...]](LoraUses)


def _only(*neutral: JsonValue) -> tuple[AfterValidator, WithJsonSchema]:
    def check(value: JsonValue) -> JsonValue:
        if not any(_is_same(value, one) for one in neutral):
            message = f"this service does not do that: leave it out or send {_shown(neutral[0])}"
            raise ValueError(message)
        return value

    return AfterValidator(check), WithJsonSchema({"enum": [*neutral]})


def _is_same(one: JsonValue, other: JsonValue) -> bool:
    # As JSON has it: in Python False is 0, too.
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _shown(value: JsonValue) -> str:
    return json.dumps(value)


def _no_network(prompt: str) -> str:
    if _NETWORK.search(prompt):
        message = "networks such as <lora:…> are not understood here"
        raise ValueError(message)
    return prompt


def _with_loras(prompt: str) -> str:
    tagged = read_tags(prompt)
    if tagged.complaints:
        raise ValueError(tagged.complaints[0])
    try:
        _LORA_USES.validate_python(tagged.loras)
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
    if not tagged.words.strip():
        message = "must contain something other than LoRAs"
        raise ValueError(message)
    _no_network(tagged.words)
    return prompt


def _no_scripts(scripts: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if scripts:
        message = f"there are no scripts here, so not {', '.join(scripts)} either"
        raise ValueError(message)
    return scripts


Off = Annotated[JsonValue, *_only(False, None)]  # noqa: FBT003
Nothing = Annotated[JsonValue, *_only(None, "", "None")]
NoList = Annotated[JsonValue, *_only([], None)]
Zero = Annotated[JsonValue, *_only(0, None)]
One = Annotated[JsonValue, *_only(1, None)]
NoResize = Annotated[JsonValue, *_only(-1, 0, None)]
NoComments = Annotated[JsonValue, *_only({}, None)]
NoScripts = Annotated[
    dict[str, JsonValue],
    AfterValidator(_no_scripts),
    WithJsonSchema({"type": "object", "maxProperties": 0}),
]
WithoutEffect = JsonValue
Name = Annotated[str, Field(max_length=512)]
Pictures = Annotated[int, Field(ge=1, le=MAX_PICTURES)]


class Txt2ImgRequest(BaseModel):
    """Pictures that a client asks for; fields that are left out have the installation's values."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {
                    "prompt": "a red apple on a white table",
                    "negative_prompt": "",
                    "steps": 20,
                    "cfg_scale": 7,
                    "width": 512,
                    "height": 512,
                    "seed": -1,
                    "sampler_name": "DPM++ 2M",
                    "scheduler": "Karras",
                },
            ],
        },
    )

    prompt: Annotated[Prompt, AfterValidator(_with_loras)]
    """Words, weights, and LoRAs as `<lora:name:0.8>`; other networks in angle brackets are
    refused."""

    negative_prompt: Annotated[NegativePrompt, AfterValidator(_no_network)] | None = None
    steps: Steps | None = None
    cfg_scale: GuidanceScale | None = None
    width: Dimension | None = None
    height: Dimension | None = None
    seed: Annotated[int, Field(ge=RANDOM_SEED, le=HIGHEST_SEED)] | None = RANDOM_SEED
    """Of the first picture; the next ones have seed + 1, seed + 2, … Random where it is -1."""

    sampler_name: Name | None = None
    """One of `/sdapi/v1/samplers`."""

    sampler_index: Name | None = None
    """Its older name; read where `sampler_name` is not there."""

    scheduler: Name | None = None
    """One of `/sdapi/v1/schedulers` that the sampler has."""

    batch_size: Pictures = 1
    n_iter: Pictures = 1
    """Times `batch_size` this is how many pictures there are."""

    send_images: bool = True
    """Without it `images` is empty; they can be collected by the jobs' ids in `info`."""

    override_settings: dict[str, JsonValue] | None = None
    """The model, as `sd_model_checkpoint`, and what is so anyway: its VAE, a clip skip of 1."""

    enable_hr: Off = False
    restore_faces: Off = False
    tiling: Off = False
    save_images: Off = False
    """Pictures are kept for a while anyway, for `/jobs/{id}/image`."""

    styles: NoList = []
    subseed_strength: Zero = 0
    seed_resize_from_h: NoResize = -1
    seed_resize_from_w: NoResize = -1
    eta: Annotated[float, Field(ge=0)] | None = None
    """1 where the sampler is Euler a or DPM++ 2M SDE, 0 where it is DDIM; the others have none."""

    s_churn: Zero = None
    s_noise: One = None
    s_min_uncond: Zero = None
    token_merging_ratio: Zero = None
    clip_skip: One = None
    refiner_checkpoint: Nothing = None
    script_name: Nothing = None
    alwayson_scripts: NoScripts = {}
    force_task_id: Nothing = None
    infotext: Nothing = None
    comments: NoComments = None

    # Without a second pass, a second seed, a churn, a refiner, a script or a folder for the
    # pictures, these have no effect.
    denoising_strength: WithoutEffect = None
    firstphase_height: WithoutEffect = None
    firstphase_width: WithoutEffect = None
    hr_additional_modules: WithoutEffect = None
    hr_cfg: WithoutEffect = None
    hr_checkpoint_name: WithoutEffect = None
    hr_negative_prompt: WithoutEffect = None
    hr_prompt: WithoutEffect = None
    hr_resize_x: WithoutEffect = None
    hr_resize_y: WithoutEffect = None
    hr_sampler_name: WithoutEffect = None
    hr_scale: WithoutEffect = None
    hr_scheduler: WithoutEffect = None
    hr_second_pass_steps: WithoutEffect = None
    hr_upscaler: WithoutEffect = None
    token_merging_ratio_hr: WithoutEffect = None
    subseed: WithoutEffect = None
    s_tmax: WithoutEffect = None
    s_tmin: WithoutEffect = None
    refiner_switch_at: WithoutEffect = None
    script_args: WithoutEffect = None
    disable_extra_networks: WithoutEffect = None
    do_not_save_grid: WithoutEffect = None
    do_not_save_samples: WithoutEffect = None
    override_settings_restore_afterwards: WithoutEffect = None

    @property
    def count(self) -> int:
        """How many pictures."""
        return self.batch_size * self.n_iter

    @property
    def sampler(self) -> str | None:
        """The name of the sampler, from whichever field it is in."""
        return self.sampler_name or self.sampler_index
