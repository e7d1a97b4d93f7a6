"""The schedulers: what each is called and what it asks for, in the one table about them.

Their classes are in `worker/schedulers.py`; all else that names schedulers is derived from here.
"""

import re
from dataclasses import dataclass

from shared.generation import Scheduler

_SEPARATORS = re.compile(r"[\s_-]+")


@dataclass(frozen=True)
class SchedulerEntry:
    """A scheduler."""

    scheduler: Scheduler
    label: str
    """For people."""

    setting: str
    """How the settings and `/health` write it."""

    a1111: str
    """A1111's name of it, which is also that in the texts of pictures."""

    aliases: tuple[str, ...]
    """What A1111 takes for it too, then what ComfyUI calls it."""

    description: str
    takes_karras: bool = False
    """Whether `USE_KARRAS_SIGMAS` is about it."""

    passes: int = 1
    """How often a step runs the model, beside what guidance asks."""

    is_stochastic: bool = False
    """Whether its steps add noise: from the request's seed, so that pictures repeat."""

    eta: float | None = None
    """How much noise each step adds, where A1111 has such a number; None where it has none."""

    automatic: str = "Automatic"
    """The noise levels of A1111's `Automatic`, where they may not be ours."""


SCHEDULERS = (
    SchedulerEntry(
        Scheduler.DPM_SOLVER_PP,
        label="DPM++ 2M",
        setting="DPMSolver++",
        a1111="DPM++ 2M",
        aliases=("k_dpmpp_2m", "dpmpp_2m"),
        description="Good pictures in 20 to 30 steps.",
        takes_karras=True,
    ),
    SchedulerEntry(
        Scheduler.EULER_ANCESTRAL,
        label="Euler ancestral",
        setting="EulerAncestral",
        a1111="Euler a",
        aliases=("k_euler_a", "k_euler_ancestral", "euler_ancestral"),
        description="Adds noise at each step; the picture goes on changing with more steps.",
        is_stochastic=True,
        eta=1,
    ),
    SchedulerEntry(
        Scheduler.EULER,
        label="Euler",
        setting="Euler",
        a1111="Euler",
        aliases=("k_euler", "euler"),
        description="The plainest; soft, and it comes to rest with 30 steps or more.",
    ),
    SchedulerEntry(
        Scheduler.HEUN,
        label="Heun",
        setting="Heun",
        a1111="Heun",
        aliases=("k_heun", "heun"),
        description="Runs the model twice in each step: half the steps in the same time.",
        passes=2,
    ),
    SchedulerEntry(
        Scheduler.DDIM,
        label="DDIM",
        setting="DDIM",
        a1111="DDIM",
        aliases=("ddim",),
        description="The first quick one, without added noise; 30 to 50 steps.",
        eta=0,
    ),
    SchedulerEntry(
        Scheduler.UNIPC,
        label="UniPC",
        setting="UniPC",
        a1111="UniPC",
        aliases=("unipc", "uni_pc"),
        description="Predicts and corrects; good pictures in 10 to 20 steps.",
    ),
    SchedulerEntry(
        Scheduler.LMS,
        label="LMS",
        setting="LMS",
        a1111="LMS",
        aliases=("k_lms", "lms"),
        description="Goes by its last four steps; 30 steps or more, below that it may be noisy.",
    ),
    SchedulerEntry(
        Scheduler.DPM_SOLVER_PP_SDE,
        label="DPM++ 2M SDE",
        setting="DPMSolver++SDE",
        a1111="DPM++ 2M SDE",
        aliases=("k_dpmpp_2m_sde", "dpmpp_2m_sde"),
        description="DPM++ 2M that adds noise at each step; 20 steps or more.",
        takes_karras=True,
        is_stochastic=True,
        eta=1,
        automatic="Exponential",
    ),
    SchedulerEntry(
        Scheduler.LCM,
        label="LCM",
        setting="LCM",
        a1111="LCM",
        aliases=("k_lcm", "lcm"),
        description="5 to 8 steps and guidance 1 to 2, for models that were made for it only; with "
        "others the pictures are poor.",
        is_stochastic=True,
    ),
)


def entry_of(scheduler: Scheduler) -> SchedulerEntry:
    """Give what is known of a scheduler."""
    return _ENTRIES[scheduler]


def scheduler_named(name: str) -> Scheduler | None:
    """Give the scheduler by any of its names, in any case, with or without blanks and dashes."""
    return _BY_NAME.get(_plain(name))


def names_of(entry: SchedulerEntry) -> tuple[str, ...]:
    """Give all names of a scheduler."""
    return (entry.scheduler.value, entry.setting, entry.label, entry.a1111, *entry.aliases)


def _plain(name: str) -> str:
    return _SEPARATORS.sub("", name).lower()


_ENTRIES = {entry.scheduler: entry for entry in SCHEDULERS}
_BY_NAME = {_plain(name): entry.scheduler for entry in SCHEDULERS for name in names_of(entry)}
