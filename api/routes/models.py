"""Which models there are."""

from fastapi import APIRouter

from api.dependencies import CurrentLiveModels
from api.live_models import LiveModel

router = APIRouter(tags=["service"])


@router.get("/models")
def read_models(models: CurrentLiveModels) -> list[LiveModel]:
    """List the models that a request can name, the default first."""
    return models.all()
