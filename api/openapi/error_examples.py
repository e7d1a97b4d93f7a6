"""One of each error, made and answered by the code that makes and answers the real ones."""

import json
from typing import Any

from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.authentication import unauthorized
from api.errors import (
    BadRequest,
    InvalidRequest,
    ModelNotFound,
    error_response,
    http_response,
    unforeseen_response,
)
from api.own_dependencies import EXAMPLE_ID as JOB_ID
from shared.errors import (
    BrokerUnavailable,
    ContentBlocked,
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
    ServerStopping,
    ServiceError,
    StorageUnavailable,
)

Failure = ServiceError | HTTPException | Exception

_MISTAKE = {"num_inference_steps": "Input should be less than or equal to 60, got 99"}

UNAUTHORIZED = unauthorized("The key in the Authorization header is not one of this service's.")
BROKER_AWAY = BrokerUnavailable()
NO_MODEL = ModelNotLoaded("no worker is running")
INVALID = InvalidRequest.of(_MISTAKE)
CONFLICT = IdempotencyConflict(JOB_ID)
UNFORESEEN = Exception()
OF_SUBMITS = (
    LoraUnknown(0, "watercolor", ["watercolour"]),
    InputRefused("init_image", "is not a PNG, a JPEG or a WebP"),
    ModelUnknown("sdxl", ["demo"]),
    QueueFull(100, 42),
    RateLimited("60 per 1 minute", 17),
    NO_MODEL,
)
OF_A_BODY = (
    BadRequest("The body is not valid JSON: Expecting value."),
    HTTPException(413, "The body is larger than 65536 bytes."),
)
OF_A_JOB = (JobNotFound(JOB_ID), JobExpired(JOB_ID))
OF_A_MODEL = (ModelNotFound("dall-e-3", ["demo"]), NO_MODEL)
_CANCELED = JobCanceled(JOB_ID)
_FAILED = GenerationFailed(
    JOB_ID, "gpu_out_of_memory", "The GPU's memory does not suffice for this picture."
)
_BLOCKED = ContentBlocked(JOB_ID, "The safety checker took offence at the picture.")
STORAGE_AWAY = StorageUnavailable()
OF_AN_UNFINISHED_JOB = (
    JobNotFinished(JOB_ID, "running"),
    _CANCELED,
    _BLOCKED,
    _FAILED,
    STORAGE_AWAY,
)
OF_WAITING = (
    _CANCELED,
    OF_A_JOB[1],
    _BLOCKED,
    _FAILED,
    ServerStopping(JOB_ID),
    GenerationTimeout(JOB_ID, 60),
    STORAGE_AWAY,
)
ALL: tuple[Failure, ...] = (
    UNAUTHORIZED,
    BROKER_AWAY,
    NO_MODEL,
    INVALID,
    CONFLICT,
    UNFORESEEN,
    *OF_SUBMITS,
    *OF_A_BODY,
    *OF_A_JOB,
    *OF_A_MODEL,
    *OF_AN_UNFINISHED_JOB,
    *OF_WAITING,
)


def answer_to(failure: Failure) -> JSONResponse:
    """Give the answer that a client gets."""
    match failure:
        case ServiceError():
            return error_response(failure)
        case HTTPException():
            return http_response(failure)
        case _:
            return unforeseen_response()


def body_of(response: JSONResponse) -> dict[str, Any]:
    """Give an answer's body."""
    body: dict[str, Any] = json.loads(bytes(response.body))
    return body


def name_of(response: JSONResponse) -> str:
    """Give the word of an answer that clients branch on, ours or OpenAI's."""
    error = body_of(response)["error"]
    return str(error["code"] if isinstance(error, dict) else error)


def sentence_of(failure: Failure) -> str:
    """Say in a sentence what has happened."""
    match failure:
        case ServiceError():
            return str(type(failure).__doc__).partition("\n")[0]
        case HTTPException():
            return str(failure.detail)
        case _:
            return "Something that was not foreseen; the server's log says what."
