"""Which LoRAs there are."""

from fastapi import APIRouter
from pydantic import BaseModel

from api.dependencies import CurrentLiveLoras
from shared.loras import Lora

router = APIRouter(tags=["pictures"])


class LoraList(BaseModel):
    """The LoRAs that a request may name."""

    loras: list[Lora]


@router.get("/loras")
def read(loras: CurrentLiveLoras) -> LoraList:
    """List the LoRAs of the workers, by name."""
    return LoraList(loras=loras.all())
