from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from redis import Redis

from scripts.ports import free_port
from shared.generation import GenerationRequest
from shared.job_parts import FailureType, JobState
from shared.job_store import JobStore
from shared.pace import PaceStore, Work
from shared.worker_registry import WorkerRegistry
from tests.contract.conftest import StartApi
from tests.contract.serving import LOADING, make_store
from tests.support.builders import BUILD, TIMINGS, WORKER, bring_to, store_job
from tests.support.pipelines import RaisesAfterAStep, runs_out_of_memory
from tests.support.runners import make_runner

REQUEST = {"prompt": "a red apple"}
MEGABYTE = 1024 * 1024
READS_OF_A_JOB = [
    ("GET", "/jobs/a"),
    ("GET", "/jobs/a?wait=9"),
    ("GET", "/jobs/a/image"),
    ("GET", "/jobs/a/events"),
    ("DELETE", "/jobs/a"),
]
TOO_LARGE = "The body is larger than 65536 bytes."


def shape(error: str, code: int, detail: str, meta: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"error": error, "code": code, "detail": detail, "meta": meta}


def in_chunks(size: int) -> Iterator[bytes]:
    for _ in range(size // 4096):
        yield b" " * 4096


@pytest.fixture
def with_expired_job(client: httpx.Client, redis: Redis, store: JobStore) -> httpx.Client:
    bring_to(store, JobState.SUCCEEDED, "a")
    redis.delete("semantic-bit:job:a")
    return client


class TestHttpErrors:
    @pytest.mark.parametrize("path", ["/nothing", "/jobs/a/nothing", "/health/x"])
    def test_of_an_unknown_route(self, client: httpx.Client, path: str) -> None:
        response = client.post(path)
        assert response.status_code == 404
        assert response.json() == shape("NotFound", 404, "Not Found")

    @pytest.mark.parametrize(
        ("method", "path", "allow"),
        [
            ("GET", "/generate", "POST"),
            ("PUT", "/health", "GET"),
            ("PATCH", "/jobs", "GET, POST"),
            ("OPTIONS", "/jobs/a", "DELETE, GET"),
            ("POST", "/studio", "GET, HEAD"),
        ],
    )
    def test_of_a_wrong_method_names_all_that_there_are(
        self, client: httpx.Client, method: str, path: str, allow: str
    ) -> None:
        response = client.request(method, path)
        assert response.status_code == 405
        assert response.json() == shape("MethodNotAllowed", 405, "Method Not Allowed")
        assert response.headers["allow"] == allow


class TestBodyLimit:
    @pytest.mark.parametrize("path", ["/generate", "/jobs"])
    def test_refuses_what_is_announced_as_too_large(self, client: httpx.Client, path: str) -> None:
        response = client.post(path, content=b" " * 5 * MEGABYTE)
        assert response.status_code == 413
        assert response.json() == shape("PayloadTooLarge", 413, TOO_LARGE)

    @pytest.mark.parametrize("path", ["/generate", "/jobs"])
    def test_refuses_what_grows_too_large(self, client: httpx.Client, path: str) -> None:
        headers = {"Content-Type": "application/json"}
        response = client.post(path, content=in_chunks(5 * MEGABYTE), headers=headers)
        assert response.status_code == 413
        assert response.json() == shape("PayloadTooLarge", 413, TOO_LARGE)

    def test_lets_the_largest_request_through(self, client: httpx.Client) -> None:
        body = {"prompt": "\U0001f431" * 1000, "negative_prompt": "\U0001f431" * 1000}
        assert client.post("/jobs", json=body).status_code == 202

    def test_is_a_setting(self, start_api: StartApi) -> None:
        body = {"prompt": "x" * 1000, "negative_prompt": "x" * 1000}
        assert start_api(max_body_bytes=1024).post("/jobs", json=body).status_code == 413


class TestBodyLimitOfPictures:
    @pytest.mark.parametrize("path", ["/png-info", "/verify"])
    def test_lets_larger_bodies_through_to_be_looked_at(
        self, client: httpx.Client, path: str
    ) -> None:
        assert client.post(path, content=b" " * 5 * MEGABYTE).status_code == 422

    @pytest.mark.parametrize("path", ["/png-info", "/verify"])
    def test_refuses_what_is_announced_as_too_large(self, client: httpx.Client, path: str) -> None:
        response = client.post(path, content=b" " * 17 * MEGABYTE)
        detail = "The body is larger than 16777216 bytes."
        assert response.status_code == 413
        assert response.json() == shape("PayloadTooLarge", 413, detail)

    @pytest.mark.parametrize("path", ["/png-info", "/verify"])
    def test_refuses_what_grows_too_large(self, start_api: StartApi, path: str) -> None:
        client = start_api(max_image_bytes=MEGABYTE)
        assert client.post(path, content=in_chunks(2 * MEGABYTE)).status_code == 413


class TestJobErrors:
    @pytest.mark.parametrize(("method", "path"), READS_OF_A_JOB)
    def test_of_a_job_that_never_was(self, client: httpx.Client, method: str, path: str) -> None:
        response = client.request(method, path)
        assert response.status_code == 404
        assert response.json() == shape("NotFound", 404, "There is no job 'a'.", {"job_id": "a"})

    @pytest.mark.parametrize(("method", "path"), READS_OF_A_JOB)
    def test_of_a_job_that_has_expired(
        self, with_expired_job: httpx.Client, method: str, path: str
    ) -> None:
        response = with_expired_job.request(method, path)
        detail = "Job a has ended and its picture has expired."
        assert response.status_code == 410
        assert response.json() == shape("JobExpired", 410, detail, {"job_id": "a"})

    @pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING, JobState.CANCELING])
    def test_of_a_picture_that_is_not_there_yet(
        self, client: httpx.Client, store: JobStore, state: JobState
    ) -> None:
        bring_to(store, state, "a")
        response = client.get("/jobs/a/image")
        detail = f"Job a is {state}; its picture is not there yet."
        meta = {"job_id": "a", "state": state}
        assert response.status_code == 409
        assert response.json() == shape("JobNotFinished", 409, detail, meta)

    def test_of_the_picture_of_a_canceled_job(self, client: httpx.Client, store: JobStore) -> None:
        bring_to(store, JobState.CANCELED, "a")
        response = client.get("/jobs/a/image")
        assert response.status_code == 409
        assert response.json() == shape("JobCanceled", 409, "Job a was canceled.", {"job_id": "a"})

    def test_of_a_painting_that_failed(self, client: httpx.Client, redis: Redis) -> None:
        store_job(make_store(redis), "a")
        make_runner(redis, runs_out_of_memory()).run("a")
        response = client.get("/jobs/a/image")
        detail = "The GPU's memory does not suffice."
        meta = {"job_id": "a", "type": FailureType.GPU_OUT_OF_MEMORY}
        assert response.status_code == 500
        assert response.json() == shape("GenerationFailed", 500, detail, meta)

    def test_of_a_painting_that_raised_leaks_nothing(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        store_job(make_store(redis), "a")
        make_runner(redis, RaisesAfterAStep(ValueError("/home/somebody/key sk-1"))).run("a")
        answers = client.get("/jobs/a").text + client.get("/jobs/a/image").text
        assert "internal_error" in answers
        assert "sk-1" not in answers


class TestQueueFull:
    def test_says_when_to_try_again(self, start_api: StartApi, redis: Redis) -> None:
        timings = TIMINGS.model_copy(update={"denoise": 2.0, "total": 2.5})
        PaceStore(redis).learn(BUILD, Work.of(GenerationRequest.model_validate(REQUEST)), timings)
        client = start_api(max_concurrent_requests=2)
        for _ in range(2):
            assert client.post("/jobs", json=REQUEST).status_code == 202
        response = client.post("/jobs", json=REQUEST)
        detail = "2 jobs are waiting or running, which is all that this service admits."
        meta = {"limit": 2, "retry_after_seconds": 3}
        assert response.status_code == 429
        assert response.json() == shape("QueueFull", 429, detail, meta)
        assert response.headers["retry-after"] == "3"

    def test_ends_when_a_job_ends(self, start_api: StartApi) -> None:
        client = start_api(max_concurrent_requests=1)
        url = client.post("/jobs", json=REQUEST).headers["location"]
        assert client.post("/generate", json=REQUEST).status_code == 429
        client.delete(url)
        assert client.post("/jobs", json=REQUEST).status_code == 202


class TestModelNotLoaded:
    @pytest.mark.parametrize("path", ["/generate", "/jobs"])
    def test_is_said_where_no_worker_is_there(
        self, client: httpx.Client, redis: Redis, path: str
    ) -> None:
        WorkerRegistry(redis).withdraw(WORKER)
        response = client.post(path, json=REQUEST)
        detail = "No picture can be made now: no worker is running."
        assert response.status_code == 503
        assert response.json() == shape("ModelNotLoaded", 503, detail)
        assert response.headers["retry-after"] == "10"

    def test_is_not_said_while_the_worker_loads_its_model(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        WorkerRegistry(redis).announce(LOADING)
        assert client.post("/jobs", json=REQUEST).status_code == 202


class TestGenerationTimeout:
    def test_says_where_the_picture_can_be_collected(self, start_api: StartApi) -> None:
        response = start_api(request_timeout=0.05).post("/generate", json=REQUEST)
        job_url = response.headers["location"]
        job_id = job_url.removeprefix("/jobs/")
        detail = (
            f"Job {job_id} has not finished within 0.05 seconds; it goes on, "
            f"and its picture can be collected at /jobs/{job_id}/image."
        )
        meta = {"job_id": job_id, "job_url": job_url}
        assert response.status_code == 504
        assert response.json() == shape("GenerationTimeout", 504, detail, meta)

    def test_leaves_the_job_where_it_was(self, start_api: StartApi, redis: Redis) -> None:
        client = start_api(request_timeout=0.05)
        job_url = client.post("/generate", json=REQUEST).headers["location"]
        assert client.get(job_url).json()["state"] == "queued"
        make_runner(redis).run(job_url.removeprefix("/jobs/"))
        assert client.get(f"{job_url}/image").status_code == 200


class TestBrokerUnavailable:
    DETAIL = "The job queue is not reachable; try again in a moment."

    @pytest.fixture
    def cut_off(self, start_api: StartApi) -> httpx.Client:
        """An API whose Redis is down."""
        return start_api(redis_url=f"redis://127.0.0.1:{free_port()}/0")

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/generate"),
            ("POST", "/jobs"),
            ("GET", "/jobs"),
            ("GET", "/jobs/a"),
            ("GET", "/jobs/a/events"),
            ("GET", "/jobs/a/image"),
            ("DELETE", "/jobs/a"),
            ("GET", "/readyz"),
        ],
    )
    def test_is_said_by_every_route_that_needs_redis(
        self, cut_off: httpx.Client, method: str, path: str
    ) -> None:
        response = cut_off.request(method, path, json=REQUEST if method == "POST" else None)
        assert response.status_code == 503
        assert response.json() == shape("BrokerUnavailable", 503, self.DETAIL)
        assert response.headers["retry-after"] == "2"

    @pytest.mark.parametrize("path", ["/health", "/livez", "/", "/docs", "/openapi.json"])
    def test_is_not_said_by_the_others(self, cut_off: httpx.Client, path: str) -> None:
        assert cut_off.get(path).status_code == 200

    def test_is_what_health_tells(self, cut_off: httpx.Client) -> None:
        health = cut_off.get("/health").json()
        told = (health["status"], health["model_loaded"], health["reason"])
        assert told == ("degraded", False, "Redis does not answer")
