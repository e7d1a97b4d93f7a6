from collections.abc import Iterator, MutableMapping
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from api.request_context import RequestContext
from shared.log import get_logger
from shared.tracing import NoTracing, Tracing
from tests.support.traces import (
    CLIENT,
    CLIENT_SPAN,
    CLIENT_TRACE,
    Trace,
    attributes,
    failure,
    parent_id,
    trace_id,
)

pytestmark = pytest.mark.anyio

_log = get_logger(__name__)
Lines = list[MutableMapping[str, Any]]


def small_app() -> FastAPI:
    app = FastAPI()

    @app.get("/jobs/{job_id}")
    def read(job_id: str) -> str:
        _log.info("read")
        return job_id

    @app.get("/livez")
    @app.get("/readyz")
    async def livez() -> None:
        raise HTTPException(503)

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(iter(["a", "b"]))

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("hunter2")

    return app


async def get(
    path: str,
    *,
    tracing: Tracing | None = None,
    headers: httpx.Headers | dict[str, str] | None = None,
) -> httpx.Response:
    app = RequestContext(small_app().build_middleware_stack(), tracing or NoTracing())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        return await client.get(path, headers=headers)


@pytest.fixture
def lines() -> Iterator[Lines]:
    with capture_logs(processors=[merge_contextvars]) as lines:
        yield lines


class TestRequestId:
    @pytest.mark.parametrize("path", ["/jobs/a", "/nowhere", "/livez", "/stream", "/broken"])
    async def test_is_on_every_answer(self, path: str) -> None:
        response = await get(path)
        assert UUID(response.headers["x-request-id"]).version == 4

    @pytest.mark.parametrize("sane", ["a", "case-7/2026#1", "x" * 128])
    async def test_is_taken_from_the_request(self, sane: str) -> None:
        response = await get("/nowhere", headers={"X-Request-ID": sane})
        assert response.headers["x-request-id"] == sane

    @pytest.mark.parametrize("insane", ["", "a b", "x" * 129, "a\tb", "ä"])
    async def test_is_made_where_that_is_not_sane(self, insane: str) -> None:
        headers = httpx.Headers({"X-Request-ID": insane}, encoding="utf-8")
        response = await get("/nowhere", headers=headers)
        assert UUID(response.headers["x-request-id"]).version == 4

    async def test_is_in_every_line_of_the_request(self, lines: Lines) -> None:
        await get("/jobs/a", headers={"X-Request-ID": "r"})
        assert [(line["event"], line["request_id"]) for line in lines] == [
            ("read", "r"),
            ("request", "r"),
        ]


class TestLine:
    async def test_tells_what_was_asked_and_what_came_of_it(self, lines: Lines) -> None:
        await get("/jobs/a?key=hunter2", headers={"X-Request-ID": "r"})
        line = lines[-1]
        assert 0 <= line.pop("seconds") < 60
        assert line == {
            "event": "request",
            "log_level": "info",
            "method": "GET",
            "path": "/jobs/{job_id}",
            "status": 200,
            "job_id": "a",
            "request_id": "r",
        }

    async def test_shortens_a_path_that_is_no_route(self, lines: Lines) -> None:
        await get("/" + "x" * 200)
        assert (lines[-1]["status"], lines[-1]["path"]) == (404, "/" + "x" * 38 + "…")

    @pytest.mark.parametrize(
        ("path", "level"),
        [("/livez", "debug"), ("/readyz", "debug"), ("/stream", "info"), ("/broken", "warning")],
    )
    async def test_is_as_loud_as_it_matters(self, lines: Lines, path: str, level: str) -> None:
        await get(path)
        assert lines[-1]["log_level"] == level


class TestSpan:
    async def test_tells_what_was_asked_and_what_came_of_it(
        self, tracing: Tracing, trace: Trace
    ) -> None:
        await get("/jobs/a?key=hunter2", tracing=tracing, headers={"X-Request-ID": "r"})
        span = trace["GET /jobs/{job_id}"]
        assert (span.kind.name, parent_id(span), failure(span)) == ("SERVER", None, None)
        assert attributes(span) == {
            "request_id": "r",
            "http.request.method": "GET",
            "http.route": "/jobs/{job_id}",
            "http.response.status_code": 200,
            "job_id": "a",
        }

    async def test_is_under_the_clients(self, tracing: Tracing, trace: Trace) -> None:
        await get("/stream", tracing=tracing, headers={"traceparent": CLIENT})
        span = trace["GET /stream"]
        assert (trace_id(span), parent_id(span)) == (CLIENT_TRACE, CLIENT_SPAN)

    async def test_is_named_in_the_log(self, tracing: Tracing, lines: Lines) -> None:
        await get("/jobs/a", tracing=tracing, headers={"traceparent": CLIENT})
        assert {line["trace_id"] for line in lines} == {CLIENT_TRACE}

    async def test_fails_with_the_answer(self, tracing: Tracing, trace: Trace) -> None:
        await get("/broken", tracing=tracing)
        span = trace["GET /broken"]
        assert (failure(span), attributes(span)["http.response.status_code"]) == (
            "RuntimeError",
            500,
        )

    async def test_of_what_is_polled_is_not_kept(self, tracing: Tracing, trace: Trace) -> None:
        await get("/livez", tracing=tracing)
        assert trace.names == []
