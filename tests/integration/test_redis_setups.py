"""The service over Redis behind TLS, and over the master that a Sentinel names."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.redis_setups import running_sentinel, running_tls_redis
from tests.support.stack import PATIENCE_SECONDS, Stack, eventually

REQUEST = {"prompt": "a red apple", "num_inference_steps": 5, "height": 256, "width": 256}
LIMITED = {"RATE_LIMIT": "10000/minute"}  # So that what counts submits is part of it.

StartOn = Callable[[str], Stack]


@pytest.fixture
def start_on(tmp_path: Path) -> Iterator[StartOn]:
    """Start worker and API on a Redis that is not the stack's own."""
    stack = Stack(tmp_path / "stack", LIMITED, worker="tests.support.flat_worker")

    def start_on(url: str) -> Stack:
        stack.redis_url = url
        stack.start("worker", "api")
        stack.wait_until_ready()
        return stack

    with stack:
        yield start_on


def test_a_picture_is_painted_behind_tls(tmp_path: Path, start_on: StartOn) -> None:
    with running_tls_redis(tmp_path) as redis:
        stack = start_on(redis.url)
        painted = httpx.post(f"{stack.url}/generate", json=REQUEST, timeout=PATIENCE_SECONDS)
        assert painted.headers["content-type"] == "image/png"
        stack.close()


def test_a_failover_costs_no_more_than_some_seconds(tmp_path: Path, start_on: StartOn) -> None:
    with running_sentinel(tmp_path) as redis:
        stack = start_on(redis.url)
        painted = httpx.post(f"{stack.url}/generate", json=REQUEST, timeout=PATIENCE_SECONDS)
        assert painted.headers["content-type"] == "image/png"
        before = redis.master_port
        eventually(lambda: redis.replicas, until=lambda links: links == ["ok"])

        redis.servers[0].kill()
        eventually(lambda: redis.master_port, until=lambda port: port != before)
        submitted = eventually(
            lambda: httpx.post(f"{stack.url}/jobs", json=REQUEST),
            until=lambda answer: answer.status_code == httpx.codes.ACCEPTED,
        )
        url = f"{stack.url}{submitted.headers['location']}"
        ended = httpx.get(url, params={"wait": 60}, timeout=PATIENCE_SECONDS).json()
        assert ended["state"] == "succeeded"
        assert "hunter2" not in stack.log("worker").read_text() + stack.log("api").read_text()
        stack.close()
