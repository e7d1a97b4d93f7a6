"""The only place where errors meet HTTP: one table, one shape."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Self

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from kombu.exceptions import OperationalError
from pydantic import JsonValue
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException

from api.allowed_methods import allowed_methods
from api.blocking_call import ClientDisconnected
from shared.errors import (
    BrokerUnavailable,
    ContentBlocked,
    ErrorBody,
    GenerationFailed,
    GenerationTimeout,
    IdempotencyConflict,
    InputRefused,
    JobCanceled,
    JobExpired,
    JobNotFinished,
    JobNotFound,
    LoraUnknown,
    ModelNotLoaded,
    ModelUnknown,
    QueueFull,
    RateLimited,
    SeriesTimeout,
    ServerStopping,
    ServiceError,
    StorageUnavailable,
)

_log = logging.getLogger(__name__)


class BadRequest(ServiceError):
    """The body is not JSON."""

    error = "BadRequest"


class InvalidRequest(ServiceError):
    """Fields of the request are wrong, each of them named."""

    error = "ValidationError"

    @classmethod
    def of(cls, complaints: Mapping[str, str]) -> Self:
        """Say what is wrong with fields of the body."""
        errors: list[JsonValue] = [
            {"loc": ["body", field], "msg": message, "type": "value_error"}
            for field, message in complaints.items()
        ]
        sentences = [f"{field}: {message}" for field, message in complaints.items()]
        return cls("; ".join(sentences), errors=errors)


class ModelNotFound(ServiceError):
    """The client asks for a model that no worker has."""

    error = "ModelNotFound"

    def __init__(self, name: str, there: Sequence[str]) -> None:
        names = ", ".join(repr(model) for model in there)
        detail = f"The model {name!r} is not here; what is here is {names}."
        super().__init__(detail, models=list[JsonValue](there))


STATUS_OF: dict[type[ServiceError], int] = {
    BadRequest: 400,
    JobNotFound: 404,
    ModelNotFound: 404,
    JobNotFinished: 409,
    JobCanceled: 409,
    JobExpired: 410,
    InvalidRequest: 422,
    InputRefused: 422,
    ModelUnknown: 422,
    IdempotencyConflict: 422,
    LoraUnknown: 422,
    ContentBlocked: 422,  # The same request paints the same picture again.
    QueueFull: 429,
    RateLimited: 429,
    GenerationFailed: 500,
    ModelNotLoaded: 503,
    BrokerUnavailable: 503,
    StorageUnavailable: 503,
    ServerStopping: 503,
    GenerationTimeout: 504,
    SeriesTimeout: 504,
}

_NAME_OF_STATUS = {
    400: "BadRequest",
    401: "Unauthorized",
    404: "NotFound",
    405: "MethodNotAllowed",
    413: "PayloadTooLarge",
}
_WITHOUT_VALUE = frozenset({"missing", "extra_forbidden", "needs_picture"})
_SHOWN_OF_A_VALUE = 60

ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "What is wrong with the request."},
    "5XX": {"model": ErrorBody, "description": "What went wrong here, and whether to try again."},
    422: {"model": ErrorBody, "description": "ValidationError: the fields that are wrong."},
}


def install_error_handlers(app: FastAPI) -> None:
    """Make every error, whoever raises it, the one shape."""
    handlers: dict[type[Exception], Any] = {
        ServiceError: lambda _, error: error_response(error),
        RequestValidationError: lambda _, error: error_response(_invalid(error)),
        HTTPException: _of_http,
        RedisError: _broker_unavailable,
        OperationalError: _broker_unavailable,
        ClientDisconnected: lambda _, __: Response(status_code=_CLIENT_CLOSED_REQUEST),
        Exception: lambda _, __: unforeseen_response(),
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


_WRONG_METHOD = 405
_CLIENT_CLOSED_REQUEST = 499  # Nobody reads it; the word of nginx for the log.
_INTERNAL = "The request could not be served; the server's log says why."


def error_response(error: ServiceError) -> JSONResponse:
    """Give the answer for an error."""
    headers = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if error.meta and "job_url" in error.meta:
        headers["Location"] = str(error.meta["job_url"])
    status = STATUS_OF[type(error)]
    return _response(error.error, status, error.detail, meta=error.meta, headers=headers)


def unforeseen_response() -> JSONResponse:
    """Give the answer for an error that nobody foresaw."""
    return _response("InternalServerError", 500, _INTERNAL)


def _broker_unavailable(_: Request, error: Exception) -> JSONResponse:
    _log.warning("redis does not answer: %s", type(error).__name__)
    return error_response(BrokerUnavailable())


def http_response(error: HTTPException) -> JSONResponse:
    """Give the answer for an error that is HTTP's own."""
    name = _NAME_OF_STATUS.get(error.status_code, "BadRequest")
    headers = dict(error.headers or {})
    return _response(name, error.status_code, str(error.detail), headers=headers)


def _of_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    answer = http_response(error)
    if error.status_code == _WRONG_METHOD:
        answer.headers["Allow"] = allowed_methods(request.app, request.scope["path"])
    return answer


def _response(
    name: str,
    code: int,
    detail: str,
    *,
    meta: dict[str, JsonValue] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    body = ErrorBody(error=name, code=code, detail=detail, meta=meta)
    return JSONResponse(body.model_dump(), status_code=code, headers=headers)


def _invalid(error: RequestValidationError) -> ServiceError:
    items = error.errors()
    if any(item["type"] == "json_invalid" for item in items):
        reason = items[0].get("ctx", {}).get("error", "it cannot be read")
        return BadRequest(f"The body is not valid JSON: {reason}.")
    errors: list[JsonValue] = [_explain(item) for item in items]
    sentences = [_sentence(item) for item in items]
    return InvalidRequest("; ".join(sentences), errors=errors)


def _explain(item: dict[str, Any]) -> dict[str, JsonValue]:
    return {"loc": list(item["loc"]), "msg": _message(item), "type": item["type"]}


def _sentence(item: dict[str, Any]) -> str:
    field = ".".join(str(part) for part in item["loc"][1:]) or "body"
    return f"{field}: {_message(item)}"


def _message(item: dict[str, Any]) -> str:
    message: str = item["msg"].removeprefix("Value error, ")
    if item["type"] in _WITHOUT_VALUE:
        return message
    return f"{message}, got {_shortened(item['input'])}"


def _shortened(value: object) -> str:
    text = repr(value) if not isinstance(value, dict | list) else type(value).__name__
    return text if len(text) <= _SHOWN_OF_A_VALUE else text[:_SHOWN_OF_A_VALUE] + "…"
