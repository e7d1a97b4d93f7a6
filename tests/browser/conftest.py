"""A real browser before the real service; other APIs on the same worker for other settings."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from scripts.chromium import running_chromium
from tests.support.loras import write_kohya_lora
from tests.support.stack import Stack, eventually
from tests.support.studio import PATIENCE_SECONDS, Studio, visiting

Visit = Callable[..., Studio]
StartApi = Callable[..., Stack]

_ENDED_SECONDS = 60


# Not for the session: while Playwright runs, no test of another module can run an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    try:
        with running_chromium() as browser:
            yield browser
    except LookupError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("loras")
    write_kohya_lora(folder / "stripes.safetensors")
    with Stack(tmp_path_factory.mktemp("stack"), {"LORA_DIR": str(folder)}) as stack:
        stack.start("redis", "worker", "api")
        stack.wait_until_ready()
        yield stack


@pytest.fixture
def _idle_worker(stack: Stack) -> Iterator[None]:
    """Leave nothing to paint for the next test."""
    yield
    with httpx.Client(base_url=stack.url, timeout=_ENDED_SECONDS) as client:
        eventually(lambda: unfinished(client), until=lambda jobs: jobs == [])


def newest_job(stack: Stack) -> dict[str, Any]:
    """Give the job that was asked for last."""
    (job,) = httpx.get(f"{stack.url}/jobs", params={"limit": 1}).json()["jobs"]
    found: dict[str, Any] = job
    return found


def unfinished(client: httpx.Client) -> list[str]:
    """Cancel what has not ended; give what still has not."""
    states = {"state": ["queued", "running", "canceling"]}
    jobs = client.get("/jobs", params=states).json()["jobs"]
    for job in jobs:
        client.delete(job["urls"]["cancel"])
    return [job["id"] for job in jobs]


@pytest.fixture
def start_api(
    stack: Stack, _idle_worker: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartApi]:
    """Start another API before the same worker, with settings of its own."""
    with ExitStack() as started:

        def start(**settings: str) -> Stack:
            api = started.enter_context(Stack(tmp_path_factory.mktemp("api"), settings))
            api.redis_url = stack.redis_url
            api.start("api")
            api.wait_until_ready()
            return api

        yield start


@pytest.fixture
def visit(browser: Browser, stack: Stack, _idle_worker: None) -> Iterator[Visit]:
    """Open the studio of the stack, or of the API at `url`."""
    with ExitStack() as visits:

        def visit(url: str = "", **options: object) -> Studio:
            return visits.enter_context(visiting(browser, url or stack.url, **options))

        yield visit


@pytest.fixture
def studio(visit: Visit) -> Studio:
    return visit()
