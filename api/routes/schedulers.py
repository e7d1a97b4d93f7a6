"""The schedulers that a request can name."""

from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from api.dependencies import CurrentSettings
from shared.generation import Scheduler
from shared.schedulers import SCHEDULERS, SchedulerEntry
from shared.settings import Settings

router = APIRouter(tags=["service"])


class SchedulerView(BaseModel):
    """A scheduler, as it paints here."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: Scheduler
    """What a request's field `scheduler` says."""

    label: str
    """For people."""

    a1111_name: str
    """What A1111 and the texts of pictures call it."""

    description: str
    karras: bool
    """Whether it paints with Karras noise levels here."""

    stochastic: bool
    """Whether its steps add noise, which the seed decides too."""

    passes_per_step: int
    """How often a step runs the model: with 2 it takes twice the time."""

    default: bool
    """Whether requests that name none get it."""

    @classmethod
    def of(cls, entry: SchedulerEntry, settings: Settings) -> Self:
        """Show a scheduler."""
        return cls(
            name=entry.scheduler,
            label=entry.label,
            a1111_name=entry.a1111,
            description=entry.description,
            karras=entry.takes_karras and settings.use_karras_sigmas,
            stochastic=entry.is_stochastic,
            passes_per_step=entry.passes,
            default=entry.scheduler is settings.scheduler_type,
        )


@router.get("/schedulers")
async def read_schedulers(settings: CurrentSettings) -> list[SchedulerView]:
    """List the schedulers, with what each is good for."""
    return [SchedulerView.of(entry, settings) for entry in SCHEDULERS]
