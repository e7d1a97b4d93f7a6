"""What tools of A1111 ask for at their start: samplers, schedules, models, options."""

from typing import Self

from pydantic import BaseModel, ConfigDict

from api.live_models import LiveModel
from api.sdapi.answer import short_hash
from api.sdapi.samplers import Schedule
from shared.loras import Lora
from shared.schedulers import SchedulerEntry

_SHA256 = "sha256:"


class SamplerItem(BaseModel):
    """A sampler."""

    name: str
    aliases: list[str]
    options: dict[str, str] = {}

    @classmethod
    def of(cls, entry: SchedulerEntry) -> Self:
        """Show a sampler."""
        return cls(name=entry.a1111, aliases=list(entry.aliases))


class SchedulerItem(BaseModel):
    """Noise levels."""

    name: str
    label: str
    aliases: list[str] | None = None
    default_rho: float
    need_inner_model: bool = False

    @classmethod
    def of(cls, schedule: Schedule) -> Self:
        """Show noise levels."""
        return cls(name=schedule.name, label=schedule.label, default_rho=schedule.rho)


class ModelItem(BaseModel):
    """A model that a request can name."""

    model_config = ConfigDict(protected_namespaces=())

    title: str
    model_name: str
    hash: str
    sha256: str | None
    filename: str
    config: None = None

    @classmethod
    def of(cls, model: LiveModel) -> Self:
        """Show a model; its hash is empty until it was loaded once."""
        revision = model.build.model_revision if model.build else ""
        is_sha256 = revision.startswith(_SHA256)
        return cls(
            title=model.name,
            model_name=model.name,
            hash=short_hash(revision),
            sha256=revision.removeprefix(_SHA256) if is_sha256 else None,
            filename=model.build.model if model.build else model.name,
        )


class LoraItem(BaseModel):
    """A LoRA."""

    name: str
    alias: str
    path: str
    metadata: dict[str, str]

    @classmethod
    def of(cls, lora: Lora) -> Self:
        """Show a LoRA; its file by name only, and of its metadata what tools look at."""
        said = {
            "ss_base_model_version": lora.base_model,
            "ss_output_name": lora.title,
            "modelspec.trigger_phrase": ", ".join(lora.trigger_words),
            "sshs_model_hash": lora.autov3,
        }
        return cls(
            name=lora.name,
            alias=lora.title or lora.name,
            path=f"{lora.name}.safetensors",
            metadata={name: value for name, value in said.items() if value},
        )


class Options(BaseModel):
    """What is set, and cannot be changed from here."""

    sd_model_checkpoint: str | None
    sd_checkpoint_hash: str | None
    sd_vae: str = "Automatic"
    CLIP_stop_at_last_layers: int = 1
    samples_format: str = "png"

    @classmethod
    def of(cls, default: LiveModel | None) -> Self:
        """Show what paints where a request names no model; null while nothing does."""
        build = default.build if default else None
        return cls(
            sd_model_checkpoint=default and default.name,
            sd_checkpoint_hash=build and build.model_revision.removeprefix(_SHA256),
        )


class Scripts(BaseModel):
    """There are none."""

    txt2img: list[str] = []
    img2img: list[str] = []
