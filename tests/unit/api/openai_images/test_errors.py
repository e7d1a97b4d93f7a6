import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import InvalidRequest, error_response, install_error_handlers
from api.openai_images.errors import OpenAiErrors, translated
from shared.errors import (
    GenerationTimeout,
    IdempotencyConflict,
    JobCanceled,
    QueueFull,
    ServerStopping,
    ServiceError,
)

LEAKY = "/home/somebody/key sk-123"
KEY = {"Idempotency-Key": "a"}


async def answer_to(error: Exception, headers: dict[str, str] | None = None) -> httpx.Response:
    """Give what a client sees where a route below /v1/ raises the error."""
    app = FastAPI()
    install_error_handlers(app)
    app.add_middleware(OpenAiErrors)

    @app.get("/v1/x")
    async def fail() -> None:
        raise error

    return await get(app, "/v1/x", headers)


async def get(app: ASGIApp, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path, headers=headers)


class TestTranslated:
    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (
                InvalidRequest.of({"n": "is wrong", "seed": "is high"}),
                ("n: is wrong; seed: is high", "invalid_request_error", "n", "invalid_value"),
            ),
            (
                JobCanceled("a"),
                ("Job a was canceled.", "invalid_request_error", None, "job_canceled"),
            ),
            (
                QueueFull(1, 3),
                (QueueFull(1, 3).detail, "rate_limit_error", None, "queue_full"),
            ),
            (
                ServerStopping("a"),
                (ServerStopping("a").detail, "server_error", None, "server_stopping"),
            ),
        ],
    )
    def test_says_the_same_in_openais_words(
        self, error: ServiceError, expected: tuple[str, str, str | None, str]
    ) -> None:
        message, kind, param, code = expected
        assert translated(error_response(error).body).model_dump() == {
            "error": {"message": message, "type": kind, "param": param, "code": code}
        }


@pytest.mark.anyio
class TestOpenAiErrors:
    @pytest.mark.parametrize(
        ("error", "headers", "status", "retry"),
        [
            (InvalidRequest.of({"n": "is wrong"}), {}, 400, "false"),
            (IdempotencyConflict("a"), KEY, 400, "false"),
            (JobCanceled("a"), KEY, 409, "false"),
            (QueueFull(1, 3), {}, 429, "true"),
            (ServerStopping("a"), {}, 503, "true"),
            (GenerationTimeout("a", 60), {}, 504, "false"),
            (GenerationTimeout("a", 60), KEY, 504, "true"),
            (HTTPException(401, "No key."), {}, 401, "false"),
            (ValueError(LEAKY), {}, 500, "false"),
        ],
    )
    async def test_invite_a_retry_only_where_it_can_help(
        self, error: Exception, headers: dict[str, str], status: int, retry: str
    ) -> None:
        response = await answer_to(error, headers)
        assert response.status_code == status
        assert response.headers["x-should-retry"] == retry

    async def test_keep_the_headers_that_say_when_and_where_to_go_on(self) -> None:
        assert (await answer_to(QueueFull(1, 3))).headers["retry-after"] == "3"
        assert (await answer_to(GenerationTimeout("a", 1))).headers["location"] == "/jobs/a"
        refusal = HTTPException(401, "No key.", headers={"WWW-Authenticate": "Bearer"})
        assert (await answer_to(refusal)).headers["www-authenticate"] == "Bearer"

    async def test_say_nothing_of_what_nobody_foresaw(self) -> None:
        response = await answer_to(ValueError(LEAKY))
        assert response.json() == {
            "error": {
                "message": "The request could not be served; the server's log says why.",
                "type": "server_error",
                "param": None,
                "code": "internal_server_error",
            }
        }

    async def test_translate_a_body_that_comes_in_parts(self) -> None:
        body = error_response(JobCanceled("a")).body
        parts = [bytes(body[:9]), bytes(body[9:])]

        async def give_in_parts(_: Scope, __: Receive, send: Send) -> None:
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 409, "headers": headers})
            await send({"type": "http.response.body", "body": parts[0], "more_body": True})
            await send({"type": "http.response.body", "body": parts[1]})

        response = await get(OpenAiErrors(give_in_parts), "/v1/x")
        assert response.json()["error"]["code"] == "job_canceled"
        assert int(response.headers["content-length"]) == len(response.content)

    async def test_say_no_second_time_what_breaks_off_an_answer(self) -> None:
        async def break_off(_: Scope, __: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"begun", "more_body": True})
            raise ValueError(LEAKY)

        response = await get(OpenAiErrors(break_off), "/v1/x")
        assert (response.status_code, response.content) == (200, b"begun")

    @pytest.mark.parametrize(
        ("path", "given"),
        [
            ("/v1/x", Response(json.dumps({"a": 1}), media_type="application/json")),
            ("/v1/x", Response(status_code=499)),
            ("/v1/x", Response("teapot", status_code=418)),
            ("/x", Response("{}", status_code=400, media_type="application/json")),
        ],
    )
    async def test_let_everything_else_pass(self, path: str, given: Response) -> None:
        app = FastAPI()
        app.add_middleware(OpenAiErrors)

        @app.get(path)
        async def give() -> Any:  # noqa: ANN401  # FastAPI takes a Response as it is.
            return given

        response = await get(app, path)
        assert (response.status_code, response.content) == (given.status_code, given.body)
        assert "x-should-retry" not in response.headers
