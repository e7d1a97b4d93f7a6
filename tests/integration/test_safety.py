"""The safety checker in a real worker; one with random weights finds what its thresholds say."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.stack import PATIENCE_SECONDS, Stack
from tests.support.tiny_safety import FLAGS_ALL, tiny_safety_checker
from worker.main import EXIT_CONFIGURATION

REQUEST: dict[str, object] = {
    "prompt": "a red circle on a blue background",
    "num_inference_steps": 5,
    "height": 256,
    "width": 256,
    "seed": 7,
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Redis and the API; each test starts its own worker."""
    with Stack(tmp_path_factory.mktemp("stack")) as stack:
        stack.start("redis", "api")
        yield stack


@pytest.fixture
def checker(stack: Stack, tmp_path: Path) -> Iterator[Path]:
    stack.settings = {"SAFETY_CHECKER_ID": str(tmp_path), "OFFLINE_MODE": "true"}
    yield tmp_path
    stack.stop("worker")


def paint(stack: Stack, mode: str) -> httpx.Response:
    stack.settings["SAFETY_CHECKER"] = mode
    stack.start("worker")
    stack.wait_until_ready()
    return httpx.post(f"{stack.url}/generate", json=REQUEST, timeout=PATIENCE_SECONDS)


def test_a_flagged_picture_comes_with_its_flag(stack: Stack, checker: Path) -> None:
    tiny_safety_checker(checker, FLAGS_ALL)
    answer = paint(stack, "flag")
    assert (answer.status_code, answer.headers["x-safety-flagged"]) == (200, "true")


def test_a_flagged_picture_is_blocked_with_an_error_of_its_own(stack: Stack, checker: Path) -> None:
    tiny_safety_checker(checker, FLAGS_ALL)
    answer = paint(stack, "block")
    assert (answer.status_code, answer.json()["error"]) == (422, "ContentBlocked")
    job_id = answer.json()["meta"]["job_id"]
    assert list(stack.redis.scan_iter(f"semantic-bit:image:{job_id}:*")) == []


def test_a_checker_that_is_not_there_stops_the_worker_with_a_line(
    stack: Stack, checker: Path
) -> None:
    stack.settings["SAFETY_CHECKER"] = "block"
    stack.start("worker")
    assert stack.processes["worker"].wait(PATIENCE_SECONDS) == EXIT_CONFIGURATION
    assert f"SAFETY_CHECKER_ID={checker}: cannot be loaded" in stack.log("worker").read_text()
