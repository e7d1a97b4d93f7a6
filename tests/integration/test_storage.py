"""A real worker and a real API that keep pictures outside of Redis."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from scripts.ports import free_port
from shared.keys import PREFIX, record_key
from shared.settings import Settings
from shared.storage import images_for
from tests.support.s3_server import Bucket, running_s3
from tests.support.stack import PATIENCE_SECONDS, Stack, eventually

REQUEST = {"prompt": "a red apple", "num_inference_steps": 5, "height": 256, "width": 256}
FLAT = "tests.support.flat_worker"  # What is painted does not matter here.

Keys = Callable[[], list[str]]


@pytest.fixture(params=["files", "bucket"])
def kept_in(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[dict[str, str], Keys]:
    """Give the settings of a store, and what lists its pictures without our code."""
    if request.param == "files":
        folder = tmp_path / "pictures"
        settings = {"STORAGE_URL": folder.as_uri()}
        return settings, lambda: [str(path) for path in folder.rglob("*.png")]
    bucket = request.getfixturevalue("bucket")
    return {"STORAGE_URL": bucket.url, **bucket.environment}, bucket.keys


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[dict[str, str]], Stack]]:
    stacks: list[Stack] = []

    def start(settings: dict[str, str]) -> Stack:
        stack = Stack(tmp_path / "stack", settings, worker=FLAT)
        stacks.append(stack)
        stack.start("redis", "worker", "api")
        return stack

    yield start
    for stack in stacks:
        stack.close()


def test_a_picture_outlives_a_restart_and_goes_with_its_record(
    kept_in: tuple[dict[str, str], Keys], start: Callable[[dict[str, str]], Stack]
) -> None:
    settings, keys = kept_in
    stack = start(settings)
    stack.wait_until_ready()
    painted = httpx.post(f"{stack.url}/generate", json=REQUEST, timeout=PATIENCE_SECONDS)
    job_id = painted.headers["x-job-id"]
    image = f"{stack.url}/jobs/{job_id}/image"
    assert len(keys()) == 1
    assert stack.redis.keys(f"{PREFIX}image:*") == []

    stack.stop("worker", "api")
    stack.start("worker", "api")
    stack.wait_until_ready()
    collected = httpx.get(image, timeout=PATIENCE_SECONDS)
    assert collected.content == painted.content
    sha256 = stack.store.get(job_id).result.image_sha256  # type: ignore[union-attr]
    assert hashlib.sha256(collected.content).hexdigest() == sha256

    stack.redis.delete(record_key(job_id))  # As it expires.
    assert httpx.get(image).status_code == 410
    store = images_for(Settings(_env_file=None, storage_url=settings["STORAGE_URL"]), stack.redis)
    store.sweep(stack.store.now() + timedelta(days=1))
    assert keys() == []


def test_a_picture_waits_in_the_worker_for_a_store_that_is_away(
    tmp_path: Path, start: Callable[[dict[str, str]], Stack]
) -> None:
    port = free_port()
    away = Bucket(f"http://127.0.0.1:{port}")
    stack = start({"STORAGE_URL": away.url, **away.environment})
    stack.wait_until_ready()
    job_url = f"{stack.url}{httpx.post(f'{stack.url}/jobs', json=REQUEST).headers['location']}"
    eventually(
        lambda: stack.log("worker").read_text(),
        until=lambda log: "the store of pictures did not answer, trying again" in log,
    )
    with running_s3(tmp_path, port):
        ended = httpx.get(job_url, params={"wait": 60}, timeout=PATIENCE_SECONDS).json()
        assert ended["state"] == "succeeded"
        assert httpx.get(f"{job_url}/image").headers["content-type"] == "image/png"
    assert "hunter2" not in stack.log("worker").read_text() + stack.log("api").read_text()


def test_a_worker_stops_where_its_pictures_can_never_be_kept(
    start: Callable[[dict[str, str]], Stack], bucket: Bucket
) -> None:
    stack = start({"STORAGE_URL": "s3://elsewhere", **bucket.environment})
    assert stack.processes["worker"].wait(timeout=PATIENCE_SECONDS) == 78
    assert stack.processes["api"].wait(timeout=PATIENCE_SECONDS) == 1
    assert "cannot be used (NoSuchBucket)" in stack.log("worker").read_text()
