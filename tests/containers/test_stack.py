"""The service in containers, used and broken as on a user's machine."""

from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.containers.engine import LOGIN, PATIENCE_SECONDS, Containers, status_of
from tests.support.stack import eventually

APPLE = {"prompt": "a red apple on a white table", "num_inference_steps": 10, "height": 256}
LONG = {**APPLE, "num_inference_steps": 60, "width": 256, "seed": 7}
STEP_AT_WHICH_IT_DIES = 5

pytestmark = pytest.mark.timeout(3600)  # The first one builds the images.


def paint(containers: Containers) -> tuple[str, bytes]:
    """Paint a picture; give its job's id and its bytes."""
    answer = httpx.post(f"{containers.url}/generate", json=APPLE, timeout=PATIENCE_SECONDS)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.headers["x-job-id"], answer.content


def picture(containers: Containers, job_id: str) -> bytes:
    answer = httpx.get(f"{containers.url}/jobs/{job_id}/image", timeout=30)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.content


def job(containers: Containers, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{containers.url}/jobs/{job_id}", timeout=30).json()
    return found


class TestUse:
    def test_a_picture_is_painted_over_http(self, containers: Containers) -> None:
        _, png = paint(containers)
        assert Image.open(BytesIO(png)).size == (512, 256)

    def test_flower_shows_the_worker_to_those_who_log_in_only(self, containers: Containers) -> None:
        containers.wait_for_flower()
        workers = f"{containers.flower_url}/workers"
        assert status_of(workers) == httpx.codes.UNAUTHORIZED
        assert status_of(workers, ("operator", "wrong")) == httpx.codes.UNAUTHORIZED
        eventually(
            lambda: httpx.get(workers, auth=LOGIN, timeout=30).text,
            until=lambda page: "worker@" in page,
        )

    def test_webhooks_that_are_off_are_said_to_be(self, containers: Containers) -> None:
        assert "WEBHOOK_SECRET is not set" in containers.run("logs", "webhooks")


@pytest.mark.parametrize("service", ["api", "worker", "webhooks"])
class TestConfinement:
    def test_processes_are_not_roots(self, containers: Containers, service: str) -> None:
        assert containers.shell(service, "id -u") == "10001"

    def test_processes_can_write_to_their_data_only(
        self, containers: Containers, service: str
    ) -> None:
        assert "Read-only file system" in containers.shell(service, "touch /app/x")
        assert containers.shell(service, "touch /tmp/x") == ""

    def test_what_is_secret_here_is_not_in_the_image(
        self, containers: Containers, service: str
    ) -> None:
        assert containers.shell(service, "ls -A").split() == sorted(
            {"LICENSE", "scripts", "shared"}
            | {"api": {"api"}, "webhooks": {"worker"}, "worker": {"models", "worker"}}[service]
        )


class TestHealth:
    @pytest.mark.parametrize(
        ("service", "asked"),
        [("api", "8000 /livez"), ("worker", "9101 /metrics"), ("flower", "5555 /healthcheck")],
    )
    def test_is_asked_for_within(self, containers: Containers, service: str, asked: str) -> None:
        eventually(
            lambda: containers.shell(service, f"python -m scripts.healthcheck {asked}"),
            until=lambda complaint: complaint == "",
            within_seconds=PATIENCE_SECONDS,
        )


class TestTrouble:
    def test_a_job_outlives_the_worker_that_paints_it(self, containers: Containers) -> None:
        answer = httpx.post(f"{containers.url}/jobs", json=LONG, timeout=30)
        job_id = answer.json()["id"]
        eventually(
            lambda: job(containers, job_id)["progress"],
            until=lambda progress: progress["step"] >= STEP_AT_WHICH_IT_DIES,
            within_seconds=PATIENCE_SECONDS,
        )
        containers.kill("worker")
        ended = eventually(
            lambda: job(containers, job_id),
            until=lambda seen: seen["finished_at"] is not None,
            within_seconds=PATIENCE_SECONDS,
        )
        assert ended["state"] == "succeeded"
        assert ended["attempt"] == 2

    def test_pictures_outlive_redis(self, containers: Containers) -> None:
        job_id, png = paint(containers)
        containers.run("restart", "redis")
        containers.wait_until_ready()
        assert picture(containers, job_id) == png
        paint(containers)

    def test_pictures_outlive_all_containers(self, containers: Containers) -> None:
        job_id, png = paint(containers)
        containers.run("down")
        containers.run("up", "-d")
        containers.wait_until_ready()
        assert picture(containers, job_id) == png

    def test_redis_may_come_last(self, containers: Containers) -> None:
        containers.run("stop")
        containers.run("start", "flower", "worker", "webhooks", "api")
        eventually(
            lambda: status_of(f"{containers.url}/livez"),
            until=lambda status: status == httpx.codes.OK,
            within_seconds=PATIENCE_SECONDS,
        )
        containers.run("start", "redis")
        containers.wait_until_ready()
        containers.wait_for_flower()
        paint(containers)
