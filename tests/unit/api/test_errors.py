from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from starlette.exceptions import HTTPException

from api.errors import STATUS_OF, BadRequest, InvalidRequest, ModelNotFound, install_error_handlers
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
    SeriesTimeout,
    ServerStopping,
    ServiceError,
    StorageUnavailable,
)

LEAKY = "/home/somebody/.cache/weights.bin of key sk-123"
BROKER_UNAVAILABLE = {
    "error": "BrokerUnavailable",
    "code": 503,
    "detail": "The job queue is not reachable; try again in a moment.",
    "meta": None,
}
URL = {"job_id": "a", "job_url": "/jobs/a"}
ANSWERS: list[tuple[ServiceError, int, str, dict[str, Any] | None, dict[str, str]]] = [
    (BadRequest("No JSON."), 400, "BadRequest", None, {}),
    (JobNotFound("a"), 404, "NotFound", {"job_id": "a"}, {}),
    (
        ModelNotFound("b", ["a"]),
        404,
        "ModelNotFound",
        {"models": ["a"]},
        {},
    ),
    (
        JobNotFinished("a", "running"),
        409,
        "JobNotFinished",
        {"job_id": "a", "state": "running"},
        {},
    ),
    (JobCanceled("a"), 409, "JobCanceled", {"job_id": "a"}, {}),
    (JobExpired("a"), 410, "JobExpired", {"job_id": "a"}, {}),
    (
        ContentBlocked("a", "Not kept."),
        422,
        "ContentBlocked",
        {"job_id": "a", "type": "content_blocked"},
        {},
    ),
    (IdempotencyConflict("a"), 422, "IdempotencyConflict", {"job_id": "a"}, {}),
    (
        LoraUnknown(1, "a", ["b"]),
        422,
        "ValidationError",
        {
            "errors": [
                {
                    "loc": ["body", "loras", 1, "name"],
                    "msg": "there is no LoRA 'a' here: near it are 'b'; GET /loras has all",
                    "type": "lora_unknown",
                }
            ]
        },
        {},
    ),
    (InvalidRequest("No.", errors=[]), 422, "ValidationError", {"errors": []}, {}),
    (
        InputRefused("mask", "is empty"),
        422,
        "ValidationError",
        {"errors": [{"loc": ["body", "mask"], "msg": "is empty", "type": "input_picture"}]},
        {},
    ),
    (
        QueueFull(7, 3),
        429,
        "QueueFull",
        {"limit": 7, "retry_after_seconds": 3},
        {"retry-after": "3"},
    ),
    (
        RateLimited("60 per 1 minute", 3),
        429,
        "RateLimited",
        {"limit": "60 per 1 minute", "retry_after_seconds": 3},
        {"retry-after": "3"},
    ),
    (
        GenerationFailed("a", "nan_output", "Not finite."),
        500,
        "GenerationFailed",
        {"job_id": "a", "type": "nan_output"},
        {},
    ),
    (ModelNotLoaded("no worker is running"), 503, "ModelNotLoaded", None, {"retry-after": "10"}),
    (StorageUnavailable(), 503, "StorageUnavailable", None, {"retry-after": "5"}),
    (
        ModelUnknown("a", ["b"]),
        422,
        "ValidationError",
        {
            "errors": [
                {
                    "loc": ["body", "model"],
                    "msg": "no worker serves this model; there is 'b', got 'a'",
                    "type": "value_error",
                }
            ]
        },
        {},
    ),
    (BrokerUnavailable(), 503, "BrokerUnavailable", None, {"retry-after": "2"}),
    (ServerStopping("a"), 503, "ServerStopping", URL, {"retry-after": "5", "location": "/jobs/a"}),
    (GenerationTimeout("a", 1.5), 504, "GenerationTimeout", URL, {"location": "/jobs/a"}),
    (
        SeriesTimeout(["a", "b"], 1.5),
        504,
        "GenerationTimeout",
        {"job_urls": ["/jobs/a", "/jobs/b"]},
        {},
    ),
]
TOLD_IN_HEADERS = ("retry-after", "location", "www-authenticate", "allow")


def every_kind(parent: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    for kind in parent.__subclasses__():
        yield kind
        yield from every_kind(kind)


async def answer_to(error: Exception) -> httpx.Response:
    """Give what a client sees where a route raises the error."""
    app = FastAPI()
    install_error_handlers(app)

    @app.get("/")
    async def fail() -> None:
        raise error

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get("/")


def told_in_headers(response: httpx.Response) -> dict[str, str]:
    return {name: response.headers[name] for name in TOLD_IN_HEADERS if name in response.headers}


class TestStatusOf:
    def test_knows_every_error(self) -> None:
        assert set(STATUS_OF) == set(every_kind())

    def test_is_tested_for_each(self) -> None:
        assert {type(error) for error, *_ in ANSWERS} == set(STATUS_OF)


class TestServiceError:
    @pytest.mark.anyio
    @pytest.mark.parametrize(
        ("error", "code", "name", "meta"),
        [(error, code, name, meta) for error, code, name, meta, _ in ANSWERS],
    )
    async def test_has_the_one_shape(
        self, error: ServiceError, code: int, name: str, meta: dict[str, Any] | None
    ) -> None:
        response = await answer_to(error)
        assert response.status_code == code
        assert response.json() == {
            "error": name,
            "code": code,
            "detail": error.detail,
            "meta": meta,
        }

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        ("error", "headers"), [(error, headers) for error, *_, headers in ANSWERS]
    )
    async def test_says_in_the_headers_when_and_where_to_go_on(
        self, error: ServiceError, headers: dict[str, str]
    ) -> None:
        assert told_in_headers(await answer_to(error)) == headers


class TestOtherErrors:
    @pytest.mark.anyio
    @pytest.mark.parametrize(
        "error", [RedisError(LEAKY), RedisTimeoutError(LEAKY), OperationalError(LEAKY)]
    )
    async def test_of_redis_are_broker_unavailable(self, error: Exception) -> None:
        response = await answer_to(error)
        assert (response.status_code, response.json()) == (503, BROKER_UNAVAILABLE)

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        "error", [ValueError(LEAKY), KeyError(LEAKY), ExceptionGroup(LEAKY, [OSError()])]
    )
    async def test_that_nobody_foresaw_leak_nothing(self, error: Exception) -> None:
        response = await answer_to(error)
        assert (response.status_code, response.json()) == (
            500,
            {
                "error": "InternalServerError",
                "code": 500,
                "detail": "The request could not be served; the server's log says why.",
                "meta": None,
            },
        )

    @pytest.mark.anyio
    async def test_of_http_keep_their_headers(self) -> None:
        error = HTTPException(401, "No key.", headers={"WWW-Authenticate": "Bearer"})
        response = await answer_to(error)
        assert response.json() == {
            "error": "Unauthorized",
            "code": 401,
            "detail": "No key.",
            "meta": None,
        }
        assert told_in_headers(response) == {"www-authenticate": "Bearer"}
