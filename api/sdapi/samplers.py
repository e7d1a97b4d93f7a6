"""A1111's names of our samplers and of their noise levels."""

from dataclasses import dataclass

from shared.generation import Scheduler
from shared.schedulers import SCHEDULERS, SchedulerEntry, entry_of


@dataclass(frozen=True)
class Schedule:
    """Noise levels as A1111 knows them."""

    name: str
    label: str
    rho: float = -1
    """-1 where there is none."""


AUTOMATIC = Schedule("automatic", "Automatic")
KARRAS = Schedule("karras", "Karras", rho=7.0)
UNIFORM = Schedule("uniform", "Uniform")

# Before A1111 had schedules, their name was the end of the sampler's.
_KARRAS_SUFFIX = " karras"


class SamplerNames:
    """Finds our sampler by A1111's names."""

    def __init__(self, *, has_karras: bool) -> None:
        """Take whether the samplers that take Karras sigmas run with them in this installation."""
        self._has_karras = has_karras

    def find(self, name: str) -> Scheduler | None:
        """Give the sampler of this name, in any case; None where there is none."""
        wanted = name.strip().lower()
        return next((one.scheduler for one in SCHEDULERS if wanted in self._names(one)), None)

    def schedules(self, scheduler: Scheduler) -> list[Schedule]:
        """Give the noise levels that a sampler has here; all of them are the same levels."""
        return [AUTOMATIC, KARRAS if self._is_karras(entry_of(scheduler)) else UNIFORM]

    def is_schedule(self, name: str | None, scheduler: Scheduler) -> bool:
        """Say whether the sampler has the noise levels of this name, in any case."""
        wanted = (name or AUTOMATIC.name).strip().lower()
        return wanted in {schedule.name for schedule in self.schedules(scheduler)}

    def all_schedules(self) -> list[Schedule]:
        """Give the noise levels of all samplers."""
        found = {schedule for one in SCHEDULERS for schedule in self.schedules(one.scheduler)}
        return sorted(found, key=lambda schedule: schedule.name)

    def _names(self, entry: SchedulerEntry) -> set[str]:
        plain = entry.a1111.lower()
        joined = {plain + _KARRAS_SUFFIX} if self._is_karras(entry) else set()
        return {plain, *entry.aliases, *joined}

    def _is_karras(self, entry: SchedulerEntry) -> bool:
        return self._has_karras and entry.takes_karras
