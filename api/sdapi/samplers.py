"""A1111's names of our samplers and of their noise levels."""

from dataclasses import dataclass

from shared.generation import Scheduler
from shared.infotext import SAMPLERS as _A1111


@dataclass(frozen=True)
class Sampler:
    """A sampler as A1111 knows it."""

    name: str
    aliases: tuple[str, ...]
    scheduler: Scheduler


@dataclass(frozen=True)
class Schedule:
    """Noise levels as A1111 knows them."""

    name: str
    label: str
    rho: float = -1
    """-1 where there is none."""


SAMPLERS = (
    Sampler(_A1111[Scheduler.DPM_SOLVER_PP], ("k_dpmpp_2m",), Scheduler.DPM_SOLVER_PP),
    Sampler(
        _A1111[Scheduler.EULER_ANCESTRAL],
        ("k_euler_a", "k_euler_ancestral"),
        Scheduler.EULER_ANCESTRAL,
    ),
)
AUTOMATIC = Schedule("automatic", "Automatic")
KARRAS = Schedule("karras", "Karras", rho=7.0)
UNIFORM = Schedule("uniform", "Uniform")

# Before A1111 had schedules, their name was the end of the sampler's.
_KARRAS_SUFFIX = " karras"


class SamplerNames:
    """Finds our sampler by A1111's names."""

    def __init__(self, *, has_karras: bool) -> None:
        """Take whether DPM++ 2M runs with Karras sigmas in this installation."""
        self._has_karras = has_karras

    def find(self, name: str) -> Scheduler | None:
        """Give the sampler of this name, in any case; None where there is none."""
        wanted = name.strip().lower()
        if self._has_karras and wanted == f"dpm++ 2m{_KARRAS_SUFFIX}":
            return Scheduler.DPM_SOLVER_PP
        for sampler in SAMPLERS:
            if wanted in {sampler.name.lower(), *sampler.aliases}:
                return sampler.scheduler
        return None

    def schedules(self, scheduler: Scheduler) -> list[Schedule]:
        """Give the noise levels that a sampler has here; all of them are the same levels."""
        is_karras = self._has_karras and scheduler is Scheduler.DPM_SOLVER_PP
        return [AUTOMATIC, KARRAS if is_karras else UNIFORM]

    def is_schedule(self, name: str | None, scheduler: Scheduler) -> bool:
        """Say whether the sampler has the noise levels of this name, in any case."""
        wanted = (name or AUTOMATIC.name).strip().lower()
        return wanted in {schedule.name for schedule in self.schedules(scheduler)}

    def all_schedules(self) -> list[Schedule]:
        """Give the noise levels of all samplers."""
        found = {schedule for sampler in SAMPLERS for schedule in self.schedules(sampler.scheduler)}
        return sorted(found, key=lambda schedule: schedule.name)


def name_of(scheduler: Scheduler) -> str:
    """Give A1111's name of a sampler."""
    return next(sampler.name for sampler in SAMPLERS if sampler.scheduler is scheduler)
