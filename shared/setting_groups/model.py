"""Which models there are, and where they come from."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from shared.setting_groups.group import Group, lower, split

_MODEL = re.compile(r"(?P<name>[A-Za-z0-9._-]+)=(?P<source>\S.*)")


def _named_models(text: str) -> str:
    items = [_MODEL.fullmatch(item) for item in split(text)]
    if not all(items):
        message = "must be name=source, several with commas; names of letters, digits, ., _ and -"
        raise ValueError(message)
    names = [item["name"] for item in items if item]
    if len(set(names)) < len(names):
        message = "must not give two models the same name"
        raise ValueError(message)
    return text


class ModelSettings(Group):
    """Of the models."""

    model_id: str = "auto"
    """A hub id, a local folder in diffusers format, or one .safetensors file; auto is Stable
    Diffusion 1.5 where CUDA is there, else the bundled model."""

    lora_dir: Annotated[Path, AfterValidator(Path.expanduser)] | None = None
    """Folder on the worker's machine with .safetensors files of LoRAs, which requests may name."""

    models: Annotated[str, AfterValidator(_named_models)] = ""
    """More models, name=source, comma-separated, with sources as in MODEL_ID; where that is not
    set, the first of them is the default."""

    max_warm_models: Annotated[int, Field(ge=1)] = 2
    """Models that a worker keeps loaded at once; the one that was not used longest leaves first."""

    vae_id: str = ""
    """An autoencoder in place of each model's own: a hub id, a folder or a .safetensors file."""

    prediction_type: Annotated[
        Literal["auto", "epsilon", "v_prediction"], BeforeValidator(lower)
    ] = "auto"
    """auto (as each model says), epsilon or v_prediction, for a model whose pictures are noise."""

    safety_checker: Annotated[Literal["off", "flag", "block"], BeforeValidator(lower)] = "off"
    """off, flag (pictures that the checker takes offence at say so) or block (their jobs fail as
    content_blocked)."""

    safety_checker_id: str = "CompVis/stable-diffusion-safety-checker"
    """A hub id or a local folder of the checker, for models that come without their own."""

    offline_mode: bool = False
    """Never reach for the network: use what is on the disk or in the hub's cache."""

    local_files_only: bool = False
    """Load hub models from the hub's cache only."""

    @property
    def named_models(self) -> dict[str, str]:
        """The sources of the models that have a name here."""
        return dict(item.split("=", 1) for item in split(self.models))
