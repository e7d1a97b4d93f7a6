"""The samplers: which class each name means, and what it sets beyond the model's own config.

None of them draws noise but from the generator that the pipeline hands to `step`, the request's.
"""

from copy import deepcopy
from typing import Any

from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    LCMScheduler,
    SchedulerMixin,
    UniPCMultistepScheduler,
)

from shared.generation import Scheduler
from shared.schedulers import entry_of
from worker.lms import LinearMultistepScheduler

_KARRAS = "use_karras_sigmas"

# A model's config may be that of DPM-Solver++ with Karras sigmas, so plain ones are asked for.
_PLAIN = {_KARRAS: False}


class LongLCMScheduler(LCMScheduler):  # type: ignore[misc]  # Untyped, as all of diffusers.
    """LCM that takes more steps than the 50 that its models are distilled from."""

    def set_timesteps(self, num_inference_steps: int, **options: object) -> None:
        """Choose the steps, from twice as many where 50 are too few."""
        known: int = self.config.original_inference_steps
        original = known if num_inference_steps <= known else 2 * known
        super().set_timesteps(num_inference_steps, original_inference_steps=original, **options)


_TABLE: dict[Scheduler, tuple[Any, dict[str, Any]]] = {
    Scheduler.DPM_SOLVER_PP: (
        DPMSolverMultistepScheduler,
        {"algorithm_type": "dpmsolver++", "solver_order": 2},
    ),
    Scheduler.EULER_ANCESTRAL: (EulerAncestralDiscreteScheduler, {}),
    Scheduler.EULER: (EulerDiscreteScheduler, _PLAIN),
    Scheduler.HEUN: (HeunDiscreteScheduler, {**_PLAIN, "clip_sample": False}),
    Scheduler.DDIM: (DDIMScheduler, {"clip_sample": False}),  # Latents go beyond -1 and 1.
    Scheduler.UNIPC: (
        UniPCMultistepScheduler,
        {**_PLAIN, "solver_order": 2, "solver_type": "bh2", "predict_x0": True},
    ),
    Scheduler.LMS: (LinearMultistepScheduler, _PLAIN),
    Scheduler.DPM_SOLVER_PP_SDE: (
        DPMSolverMultistepScheduler,
        {"algorithm_type": "sde-dpmsolver++", "solver_order": 2},
    ),
    Scheduler.LCM: (LongLCMScheduler, {"clip_sample": False, "original_inference_steps": 50}),
}


def build_scheduler(
    name: Scheduler, config: dict[str, Any], *, use_karras_sigmas: bool
) -> SchedulerMixin:
    """Build a sampler from the model's own config."""
    kind, options = _TABLE[name]
    if entry_of(name).takes_karras:
        options = {**options, _KARRAS: use_karras_sigmas}
    scheduler: SchedulerMixin = kind.from_config(config, **options)
    return scheduler


class Schedulers:
    """Gives each job a sampler of its own, for they keep state.

    A copy of one that was never used takes a fifth of the time of building one.
    """

    def __init__(self, config: dict[str, Any], *, use_karras_sigmas: bool) -> None:
        """Take the model's own config."""
        self._config = config
        self._use_karras_sigmas = use_karras_sigmas
        self._unused: dict[Scheduler, SchedulerMixin] = {}

    def take(self, name: Scheduler) -> SchedulerMixin:
        """Give one that nobody else has."""
        if name not in self._unused:
            self._unused[name] = build_scheduler(
                name, self._config, use_karras_sigmas=self._use_karras_sigmas
            )
        return deepcopy(self._unused[name])
