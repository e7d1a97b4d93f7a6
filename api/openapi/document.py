"""The document, completed: what FastAPI finds in the routes' signatures, and what it cannot."""

import re
from threading import Lock
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from pydantic.json_schema import models_json_schema

from api.inputs.documents import REFERENCE_TO
from api.job_submission import JobSubmission
from api.openai_images.edits import EditRequest
from api.openai_images.errors import PREFIX as OPENAI_PREFIX
from api.openapi.errors import show_errors
from api.openapi.examples import show_example
from api.openapi.headers import REQUEST_ID_PARAMETER, show_headers
from api.openapi.streams import show_events
from api.sdapi.img2img import Img2ImgRequest
from api.sdapi.password import PREFIX as SDAPI_PREFIX
from shared.generation import GenerationDefaults, GenerationRequest

DESCRIPTION = """\
`POST /generate` waits for its picture; `POST /jobs` queues one, to follow at `/jobs/{id}`.
Every answer carries an `X-Request-ID`, and every one that is not a success says
`{"error", "code", "detail", "meta"}`; below `/v1/` it is OpenAI's `{"error": {…}}`.
"""
TAGS = [
    {"name": "pictures", "description": "Ask for a picture and wait; read one, check one."},
    {"name": "jobs", "description": "Submit, follow, collect, cancel."},
    {"name": "service", "description": "Whether it lives, what it has loaded, what it counts."},
    {"name": "OpenAI", "description": "OpenAI's Images API."},
    {"name": "A1111", "description": "The API of A1111's web UI."},
]
_BASIC = {
    "type": "http",
    "scheme": "basic",
    "description": "Any user, with a key as the password: what tools of A1111 can send.",
}
_UNUSED = ("HTTPValidationError", "ValidationError")
_LONGEST_SUMMARY = 120


def short_id(route: APIRoute) -> str:
    """Name an operation by its module's noun and its function: `jobs_read_image`."""
    parts = [part for part in route.endpoint.__module__.split(".") if part not in {"api", "routes"}]
    noun = parts[0] if parts else "api"
    return route.name if route.name == noun else f"{noun}_{route.name}"


def describe(app: FastAPI, defaults: GenerationDefaults, *, is_open: bool) -> None:
    """Complete the document, with this installation's defaults, when it is first asked for.

    Where the installation `is_open`, a key is an option.
    """
    generate, lock = app.openapi, Lock()

    def openapi() -> dict[str, Any]:
        with lock:
            if app.openapi_schema is None:
                _complete(generate(), app, defaults, is_open=is_open)
            return generate()

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(
    document: dict[str, Any], app: FastAPI, defaults: GenerationDefaults, *, is_open: bool
) -> None:
    components = document["components"]
    _add_bodies(components["schemas"])
    _show_defaults(components["schemas"], defaults)
    for name in _UNUSED:
        components["schemas"].pop(name, None)
    components.setdefault("parameters", {})["X-Request-ID"] = REQUEST_ID_PARAMETER
    components.setdefault("securitySchemes", {})["HTTPBasic"] = _BASIC
    for route in iter_route_contexts(app.routes):
        for method in route.methods or ():
            operation = document["paths"].get(route.path_format, {}).get(method.lower())
            if operation is not None:
                _complete_operation(operation, route, is_open=is_open)


def _add_bodies(schemas: dict[str, Any]) -> None:
    """Show the requests that are read by hand: FastAPI knows a body from a parameter only."""
    models = (GenerationRequest, JobSubmission, Img2ImgRequest, EditRequest)
    wanted: list[Any] = [(model, "validation") for model in models]
    _, found = models_json_schema(wanted, ref_template=REFERENCE_TO)
    schemas.update(found["$defs"])


def _show_defaults(schemas: dict[str, Any], defaults: GenerationDefaults) -> None:
    for model in ("GenerationRequest", "JobSubmission"):
        properties = schemas[model]["properties"]
        for name, value in defaults.model_dump(mode="json").items():
            properties[name]["default"] = value


def _complete_operation(operation: dict[str, Any], route: RouteContext, *, is_open: bool) -> None:
    operation["summary"] = _first_clause(operation["description"])
    path = route.path_format or ""
    if "security" in operation:
        operation["security"] += [{"HTTPBasic": []}] if path.startswith(SDAPI_PREFIX) else []
        operation["security"] += [{}] if is_open else []
    show_errors(operation, route, is_openai=path.startswith(OPENAI_PREFIX))
    # After the errors, which depend on what the route itself asks for.
    ours = {"$ref": "#/components/parameters/X-Request-ID"}
    operation.setdefault("parameters", []).append(ours)
    for answer in operation["responses"].values():
        show_headers(answer, route)
        for media_type, content in answer.get("content", {}).items():
            show_events(media_type, content)
            show_example(content)


def _first_clause(description: str) -> str:
    return re.split(r"[.:;](?:\s|$)", description, maxsplit=1)[0][:_LONGEST_SUMMARY]
