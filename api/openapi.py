"""What `/docs` and `/openapi.json` say beyond the routes' own signatures."""

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from api.job_submission import JobSubmission
from api.openai_images.errors import PREFIX as OPENAI_PREFIX
from shared.generation import GenerationDefaults, GenerationRequest

_JSON = "application/json"
_EVENTS = "text/event-stream"
_SUCCESS = "200"


def describe(app: FastAPI, defaults: GenerationDefaults) -> None:
    """Show the defaults of this installation instead of the code's, and every error as JSON.

    FastAPI takes the errors of a stream to be streams.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        schema = generate()
        _add_bodies(schema["components"]["schemas"])
        for model in ("GenerationRequest", "JobSubmission"):
            properties = schema["components"]["schemas"][model]["properties"]
            for name, value in defaults.model_dump(mode="json").items():
                properties[name]["default"] = value
        for operation in schema["paths"].get("/jobs/{job_id}/events", {}).values():
            _show_errors_as_json(operation["responses"])
        for path, operations in schema["paths"].items():
            if path.startswith(OPENAI_PREFIX):  # There a wrong field is a 400.
                for operation in operations.values():
                    operation["responses"].pop("422", None)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]


def _add_bodies(schemas: dict[str, Any]) -> None:
    """Show the requests that are read by hand: FastAPI knows a body from a parameter only."""
    wanted: list[Any] = [(model, "validation") for model in (GenerationRequest, JobSubmission)]
    _, found = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    schemas.update(found["$defs"])


def _show_errors_as_json(responses: dict[str, Any]) -> None:
    for status, response in responses.items():
        if status != _SUCCESS and _EVENTS in response["content"]:
            response["content"][_JSON] = response["content"].pop(_EVENTS)
