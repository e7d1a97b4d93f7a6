"""The samplers: which class each name means, and what it sets beyond the model's own config."""

from typing import Any

from diffusers import (
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    SchedulerMixin,
)

from shared.generation import Scheduler

_TABLE: dict[Scheduler, tuple[Any, dict[str, Any]]] = {
    Scheduler.DPM_SOLVER_PP: (
        DPMSolverMultistepScheduler,
        {"algorithm_type": "dpmsolver++", "solver_order": 2},
    ),
    Scheduler.EULER_ANCESTRAL: (EulerAncestralDiscreteScheduler, {}),
}
_TAKES_KARRAS_SIGMAS = frozenset({Scheduler.DPM_SOLVER_PP})


def build_scheduler(
    name: Scheduler, config: dict[str, Any], *, use_karras_sigmas: bool
) -> SchedulerMixin:
    """Build a sampler from the model's own config; samplers keep state, so each job gets one."""
    kind, options = _TABLE[name]
    if name in _TAKES_KARRAS_SIGMAS:
        options = {**options, "use_karras_sigmas": use_karras_sigmas}
    scheduler: SchedulerMixin = kind.from_config(config, **options)
    return scheduler
