"""What Prometheus scrapes."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from prometheus_client.exposition import choose_encoder

from api.dependencies import CurrentMetrics

router = APIRouter(tags=["service"])

_EXAMPLE = """\
# HELP semantic_bit_queue_depth Jobs that wait for a worker.
# TYPE semantic_bit_queue_depth gauge
semantic_bit_queue_depth 3.0
"""
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The text format of Prometheus, or of OpenMetrics where it is accepted.",
        "content": {
            "text/plain": {"schema": {"type": "string"}, "example": _EXAMPLE},
            "application/openmetrics-text": {"schema": {"type": "string"}, "example": _EXAMPLE},
        },
    },
}


@router.get("/metrics", response_class=Response, responses=_RESPONSES)
def read(
    metrics: CurrentMetrics,
    accept: Annotated[str, Header(include_in_schema=False)] = "",  # HTTP's own, not ours.
) -> Response:
    """Give what this process has counted, and how queue and workers stand, for Prometheus."""
    encode, content_type = choose_encoder(accept)
    return Response(encode(metrics), headers={"Content-Type": content_type})
