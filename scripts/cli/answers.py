"""What the service's answers mean: the body of a success, or the failure that fits."""

from collections.abc import Mapping
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from scripts.cli.failures import (
    Failure,
    InvalidRequest,
    NotReady,
    QueueFull,
    Unauthorized,
    Unreachable,
)
from shared import SERVICE_NAME
from shared.errors import ErrorBody

Model = TypeVar("Model", bound=BaseModel)

_OPTION_OF = {
    "prompt": "PROMPT",
    "negative_prompt": "--negative-prompt",
    "num_inference_steps": "--steps",
    "guidance_scale": "--guidance",
    "width": "--width",
    "height": "--height",
    "seed": "--seed",
    "scheduler": "--scheduler",
    "init_image": "--init-image",
    "strength": "--strength",
    "mask": "--mask",
    "state": "--state",
    "limit": "--limit",
}
_RETRY_SECONDS = 5.0


def read(response: httpx.Response, model: type[Model]) -> Model:
    """Give the body of an answer.

    Raises:
        Failure: It is an error, or not one of this service's answers.
    """
    if not response.is_success:
        raise failure_of(response)
    try:
        return model.model_validate_json(response.content)
    except ValidationError:
        raise _not_ours(response) from None


def failure_of(response: httpx.Response) -> Failure:
    """Give the failure that an error of the service stands for."""
    try:
        body = ErrorBody.model_validate_json(response.content)
    except ValidationError:
        return _not_ours(response)
    match response.status_code:
        case httpx.codes.UNAUTHORIZED:
            hint = "give one of the service's keys with --api-key or SEMANTIC_BIT_API_KEY"
            return Unauthorized(body.detail, hint=hint, body=body)
        case httpx.codes.UNPROCESSABLE_ENTITY:
            hint = "semantic-bit generate --help names the options"
            return InvalidRequest(_by_option(body), hint=hint, body=body)
        case httpx.codes.TOO_MANY_REQUESTS:
            return _queue_full(response, body)
        case httpx.codes.SERVICE_UNAVAILABLE:
            hint = "semantic-bit doctor says what is missing"
            return NotReady(body.detail, hint=hint, body=body)
        case _:
            return Failure(body.detail, hint=_hint_for(body), body=body)


def _queue_full(response: httpx.Response, body: ErrorBody) -> QueueFull:
    seconds = retry_after_seconds(response)
    hint = f"try again in {seconds:g} s, or let --wait-for-room do it"
    return QueueFull(body.detail, retry_after_seconds=seconds, hint=hint, body=body)


def retry_after_seconds(response: httpx.Response) -> float:
    """Give the seconds that the service asks to wait before the next try."""
    told = response.headers.get("Retry-After", "")
    return float(told) if told.isdecimal() else _RETRY_SECONDS


def _by_option(body: ErrorBody) -> str:
    """Name each wrong field by the option that gives it."""
    errors = (body.meta or {}).get("errors")
    if not isinstance(errors, list):
        return body.detail
    named = [_named(item) for item in errors if isinstance(item, dict)]
    return "; ".join(named) or body.detail


def _named(item: Mapping[str, object]) -> str:
    location = item.get("loc")
    field = str(location[-1]) if isinstance(location, list) and location else "request"
    return f"{_OPTION_OF.get(field, field)}: {item.get('msg')}"


def _hint_for(body: ErrorBody) -> str:
    if body.error == "NotFound":
        return "semantic-bit jobs lists those that are there"
    if body.error == "JobExpired":
        return "paint it again; RESULT_TTL says how long the service keeps pictures"
    return ""


def _not_ours(response: httpx.Response) -> Unreachable:
    url = response.request.url
    message = f"{url} answers {response.status_code}, but not as {SERVICE_NAME} does"
    if response.has_redirect_location:
        message = f"{url} redirects to {response.headers['Location']}"
    return Unreachable(message, hint="is --url the address of the service?")
