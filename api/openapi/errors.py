"""The errors that an operation can answer with, each as it would come."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi.responses import JSONResponse
from fastapi.routing import RouteContext

from api.authentication import require_key
from api.dependencies import blocking_call, require_broker
from api.openai_images.errors import as_openai
from api.openapi.error_examples import (
    BROKER_AWAY,
    CONFLICT,
    INVALID,
    NO_MODEL,
    OF_A_BODY,
    OF_A_JOB,
    OF_A_MODEL,
    OF_AN_UNFINISHED_JOB,
    OF_SUBMITS,
    OF_WAITING,
    UNAUTHORIZED,
    UNFORESEEN,
    Failure,
    answer_to,
    body_of,
    name_of,
    sentence_of,
)
from api.openapi.headers import canonical, header
from api.openapi.parts import Part, parts_of
from api.own_dependencies import count_submit

_RANGES = ("4XX", "5XX", "422")  # By which the routes know the models of the bodies.
_ACCEPTED = 202

_OF_PART: dict[Part, Sequence[Failure]] = {
    require_key: (UNAUTHORIZED,),
    require_broker: (BROKER_AWAY,),
    count_submit: OF_SUBMITS,
}
_OF_PATH: dict[str, Sequence[Failure]] = {
    "/readyz": (NO_MODEL, BROKER_AWAY),
    "/jobs/{job_id}/image": OF_AN_UNFINISHED_JOB,
    "/v1/models/{name}": (*OF_A_MODEL, INVALID),
    "/v1/images/generations": OF_A_MODEL,
    "/v1/images/edits": OF_A_MODEL,
}


@dataclass(frozen=True)
class _Shown:
    """An error as the document shows it."""

    name: str
    sentence: str
    response: JSONResponse


def show_errors(operation: dict[str, Any], route: RouteContext, *, is_openai: bool) -> None:
    """Put each error that the operation can answer with under its status, with an example."""
    responses = operation["responses"]
    (content,) = responses["4XX"]["content"].values()
    for status in _RANGES:
        responses.pop(status, None)
    by_status = defaultdict(list)
    for failure in dict.fromkeys(_failures(operation, route)):
        shown = _shown(failure, is_openai=is_openai)
        by_status[str(shown.response.status_code)].append(shown)
    for status in sorted(by_status):
        responses[status] = _response(by_status[status], content["schema"])


def _failures(operation: dict[str, Any], route: RouteContext) -> Iterator[Failure]:
    parts = parts_of(route)
    for part, failures in _OF_PART.items():
        yield from failures if part in parts else ()
    if "requestBody" in operation:
        yield from OF_A_BODY
    parameters = operation.get("parameters", [])
    if "requestBody" in operation or any(each["in"] != "path" for each in parameters):
        yield INVALID
    names = {each["name"] for each in parameters}
    yield from (CONFLICT,) if "Idempotency-Key" in names else ()
    yield from OF_A_JOB if "job_id" in names else ()
    if blocking_call in parts and route.status_code != _ACCEPTED:
        yield from OF_WAITING
    yield from _OF_PATH.get(route.path_format or "", ())
    yield UNFORESEEN


def _shown(failure: Failure, *, is_openai: bool) -> _Shown:
    response = answer_to(failure)
    if is_openai:
        response = as_openai(response.status_code, response.body, response.headers)
    name = name_of(response)
    return _Shown(name, sentence_of(failure), response)


def _response(errors: Sequence[_Shown], schema: dict[str, Any]) -> dict[str, Any]:
    examples: dict[str, Any] = {}
    for error in errors:  # Several may have one name, such as what is wrong with a request.
        count = sum(key.partition(" ")[0] == error.name for key in examples)
        key = f"{error.name} {count + 1}" if count else error.name
        examples[key] = {"summary": error.sentence, "value": body_of(error.response)}
    return {
        "description": " ".join(f"{error.name}: {error.sentence}" for error in errors),
        "headers": _headers(errors),
        "content": {"application/json": {"schema": schema, "examples": examples}},
    }


def _headers(errors: Sequence[_Shown]) -> dict[str, Any]:
    values: dict[str, list[str]] = defaultdict(list)
    for error in errors:
        for name, value in error.response.headers.items():
            values[name].append(value)
    return {
        shown: header(shown, each[0], required=len(each) == len(errors))
        for name, each in values.items()
        if (shown := canonical(name))
    }
