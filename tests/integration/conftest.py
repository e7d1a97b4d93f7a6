"""One stack for all tests that do not break it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.stack import PATIENCE_SECONDS, Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("stack"))
    stack.start("redis", "worker", "api")
    try:
        stack.wait_until_ready()
        yield stack
    finally:
        stack.stop("api", "worker")
        stack.stop("redis")


@pytest.fixture
def client(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, timeout=PATIENCE_SECONDS) as client:
        yield client
