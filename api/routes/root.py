"""The service card."""

from fastapi import APIRouter
from pydantic import BaseModel

from shared import SERVICE_NAME, VERSION

router = APIRouter(tags=["service"])


class ServiceCard(BaseModel):
    """What answers here, and where its doors are."""

    service: str
    version: str
    endpoints: dict[str, str]


@router.get("/")
def read() -> ServiceCard:
    """Say what this is."""
    return ServiceCard(
        service=SERVICE_NAME,
        version=VERSION,
        endpoints={
            "/generate": "POST - Generate image from prompt",
            "/jobs": "POST - Submit a job, then follow /jobs/{id} and collect /jobs/{id}/image",
            "/loras": "GET - List the LoRAs that a request can name",
            "/png-info": "POST - Read how a PNG was made, as a request for it",
            "/verify": "POST - Paint a PNG again and compare the pixels",
            "/tokens": "POST - Count the tokens of prompts before they are painted",
            "/schedulers": "GET - List the schedulers",
            "/studio": "GET - Paint in the browser",
            "/models": "GET - The models that a request can name",
            "/health": "GET - Health check and system info",
            "/docs": "GET - Interactive API documentation",
        },
    )
