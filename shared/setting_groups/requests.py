"""What requests get for what they leave out, and how they are read."""

from typing import Annotated

from pydantic import BeforeValidator

from shared.generation import Dimension, GenerationDefaults, GuidanceScale, Scheduler, Steps
from shared.prompt_rules import PromptPolicy, PromptSyntax
from shared.schedulers import SCHEDULERS, scheduler_named
from shared.setting_groups.group import Group, lower


def _scheduler(value: object) -> Scheduler:
    scheduler = scheduler_named(str(value))
    if scheduler is None:
        there = ", ".join(entry.setting for entry in SCHEDULERS)
        message = f"must be one of {there}, in any case"
        raise ValueError(message)
    return scheduler


class RequestSettings(Group):
    """Of requests."""

    default_steps: Steps = 28
    """num_inference_steps of requests that name none, 5-60."""

    default_guidance_scale: GuidanceScale = 7.0
    """guidance_scale of requests that name none, 1.0-12.0."""

    default_height: Dimension = 512
    """height of requests that name none, 256-768, a multiple of 8."""

    default_width: Dimension = 512
    """width of requests that name none, 256-768, a multiple of 8."""

    scheduler_type: Annotated[Scheduler, BeforeValidator(_scheduler)] = Scheduler.DPM_SOLVER_PP
    """scheduler of requests that name none: DPMSolver++, EulerAncestral, Euler, Heun, DDIM, UniPC,
    LMS, DPMSolver++SDE or LCM, in any case."""

    use_karras_sigmas: bool = True
    """Karras noise levels for DPMSolver++ and DPMSolver++SDE."""

    prompt_policy: Annotated[PromptPolicy, BeforeValidator(lower)] = PromptPolicy.CHUNK
    """What becomes of a prompt of more than 75 tokens: chunk (read in parts), truncate (the record
    says what was not read) or error (422)."""

    prompt_syntax: Annotated[PromptSyntax, BeforeValidator(lower)] = PromptSyntax.A1111
    """a1111 ((word:1.2), [word] and BREAK weigh words and begin a chunk) or plain (they are
    words)."""

    @property
    def generation_defaults(self) -> GenerationDefaults:
        """What requests get for the fields that they leave out."""
        return GenerationDefaults(
            num_inference_steps=self.default_steps,
            guidance_scale=self.default_guidance_scale,
            height=self.default_height,
            width=self.default_width,
            scheduler=self.scheduler_type,
        )
