from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from prometheus_client import CollectorRegistry
from starlette.types import Message, Receive, Scope, Send

from api.request_metrics import UNMATCHED, HttpMetrics, RequestMetrics
from tests.support.scrape import Scrape

REQUESTS = "semantic_bit_http_requests_total"
SECONDS = "semantic_bit_http_request_seconds_count"

pytestmark = pytest.mark.anyio


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def app(registry: CollectorRegistry) -> FastAPI:
    app = FastAPI()
    app.add_middleware(RequestMetrics, metrics=HttpMetrics(registry))

    @app.get("/jobs/{job_id}")
    async def read(job_id: str) -> str:
        if job_id == "broken":
            raise ValueError(job_id)
        return job_id

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            assert Scrape.of(registry).counted(REQUESTS) == {}
            yield b"a"
            yield b"b"

        return StreamingResponse(parts())

    app.mount("/mounted", FastAPI())
    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        yield client


def counted(registry: CollectorRegistry) -> dict[tuple[str, ...], float]:
    """Give the counts by code, method and route."""
    return Scrape.of(registry).counted(REQUESTS)


class TestRoute:
    async def test_is_its_template_whatever_the_path(
        self, client: httpx.AsyncClient, registry: CollectorRegistry
    ) -> None:
        for job_id in ("a", "b", "c"):
            await client.get(f"/jobs/{job_id}")
        assert counted(registry) == {("200", "GET", "/jobs/{job_id}"): 3}
        assert Scrape.of(registry).counted(SECONDS) == {("GET", "/jobs/{job_id}"): 3}

    async def test_of_unknown_paths_is_one_word(
        self, client: httpx.AsyncClient, registry: CollectorRegistry
    ) -> None:
        for path in ("/a", "/b/c", "/jobs"):
            await client.get(path)
        assert counted(registry) == {("404", "GET", UNMATCHED): 3}

    async def test_of_a_method_that_it_does_not_know_is_its_template(
        self, client: httpx.AsyncClient, registry: CollectorRegistry
    ) -> None:
        await client.delete("/jobs/a")
        assert counted(registry) == {("405", "DELETE", "/jobs/{job_id}"): 1}

    async def test_of_a_mount_is_its_root(
        self, client: httpx.AsyncClient, registry: CollectorRegistry
    ) -> None:
        for path in ("/mounted/a", "/mounted/b/c"):
            await client.get(path)
        assert counted(registry) == {("404", "GET", "/mounted"): 2}

    async def test_of_the_documentation_is_one_word(
        self, client: httpx.AsyncClient, registry: CollectorRegistry
    ) -> None:
        await client.get("/docs")
        await client.get("/openapi.json")
        assert counted(registry) == {("200", "GET", "other"): 2}


class TestMethod:
    async def test_that_http_does_not_have_is_one_word(
        self, client: httpx.AsyncClient, registry: CollectorRegistry
    ) -> None:
        for method in ("BREW", "WHEN"):
            await client.request(method, "/nowhere")
        assert counted(registry) == {("404", "other", UNMATCHED): 2}


class TestEnd:
    async def test_of_a_stream_is_when_it_is_counted(
        self, client: httpx.AsyncClient, registry: CollectorRegistry
    ) -> None:
        assert (await client.get("/stream")).text == "ab"
        assert counted(registry) == {("200", "GET", "/stream"): 1}

    async def test_by_an_error_that_nobody_foresaw_is_a_500(
        self, client: httpx.AsyncClient, registry: CollectorRegistry
    ) -> None:
        assert (await client.get("/jobs/broken")).status_code == 500
        assert counted(registry) == {("500", "GET", "/jobs/{job_id}"): 1}

    async def test_of_what_is_no_request_is_not_counted(self, registry: CollectorRegistry) -> None:
        reached: list[str] = []

        async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
            reached.append(scope["type"])

        async def receive() -> Message:
            return {"type": "lifespan.startup"}

        async def send(_: Message) -> None:
            pass

        await RequestMetrics(app, HttpMetrics(registry))({"type": "lifespan"}, receive, send)
        assert reached == ["lifespan"]
        assert counted(registry) == {}
