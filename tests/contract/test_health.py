import httpx
import pytest
from redis import Redis

from shared import VERSION
from shared.worker_registry import WorkerRegistry
from tests.contract.conftest import StartApi
from tests.contract.serving import LOADING, announce
from tests.support.builders import BUILD, WORKER

DEFAULTS = {"steps": 28, "guidance_scale": 7.0, "height": 512, "width": 512}


@pytest.fixture
def without_worker(client: httpx.Client, redis: Redis) -> httpx.Client:
    WorkerRegistry(redis).withdraw(WORKER)
    return client


@pytest.fixture
def while_loading(client: httpx.Client, redis: Redis) -> httpx.Client:
    announce(redis, LOADING)
    return client


class TestHealth:
    def test_describes_the_worker_that_is_ready(self, client: httpx.Client) -> None:
        response = client.get("/health")
        assert response.status_code == 200
        assert response.json() == {
            "status": "healthy",
            "model_loaded": True,
            "generator_info": {
                "model_id": BUILD.model,
                "model_revision": BUILD.model_revision,
                "device": "cpu",
                "dtype": "float32",
                "scheduler": "DPMSolver++",
                "defaults": DEFAULTS,
            },
            "workers": [{"worker": "worker", "state": "ready", "build": BUILD.model_dump()}],
            "reason": None,
        }

    def test_says_what_is_missing(self, without_worker: httpx.Client) -> None:
        response = without_worker.get("/health")
        assert response.status_code == 200
        assert response.json() == {
            "status": "degraded",
            "model_loaded": False,
            "generator_info": {
                "model_id": None,
                "model_revision": None,
                "device": None,
                "dtype": None,
                "scheduler": "DPMSolver++",
                "defaults": DEFAULTS,
            },
            "workers": [],
            "reason": "no worker is running",
        }

    def test_shows_a_worker_that_loads_its_model(self, while_loading: httpx.Client) -> None:
        health = while_loading.get("/health").json()
        told = (health["status"], health["model_loaded"], health["reason"])
        assert told == ("degraded", False, "the worker is loading its model")
        assert health["workers"] == [{"worker": "worker", "state": "loading", "build": None}]

    def test_shows_the_defaults_of_the_settings(self, start_api: StartApi) -> None:
        client = start_api(
            default_steps=9,
            default_guidance_scale=3.5,
            default_height=264,
            default_width=272,
            scheduler_type="EulerAncestral",
        )
        info = client.get("/health").json()["generator_info"]
        assert info["scheduler"] == "EulerAncestral"
        assert info["defaults"] == {
            "steps": 9,
            "guidance_scale": 3.5,
            "height": 264,
            "width": 272,
        }


class TestLivez:
    def test_needs_no_worker(self, without_worker: httpx.Client) -> None:
        response = without_worker.get("/livez")
        assert (response.status_code, response.json()) == (200, {"status": "alive"})


class TestReadyz:
    def test_says_that_a_picture_can_be_made(self, client: httpx.Client) -> None:
        response = client.get("/readyz")
        assert (response.status_code, response.json()) == (200, {"status": "ready"})

    def test_says_that_no_worker_is_there(self, without_worker: httpx.Client) -> None:
        response = without_worker.get("/readyz")
        assert response.status_code == 503
        assert response.json() == {
            "error": "ModelNotLoaded",
            "code": 503,
            "detail": "No picture can be made now: no worker is running.",
            "meta": None,
        }

    def test_says_that_the_model_is_loading(self, while_loading: httpx.Client) -> None:
        detail = "No picture can be made now: the worker is loading its model."
        response = while_loading.get("/readyz")
        assert (response.status_code, response.json()["detail"]) == (503, detail)


class TestServiceCard:
    def test_says_what_this_is(self, client: httpx.Client) -> None:
        card = client.get("/").json()
        assert (card["service"], card["version"]) == ("Semantic Bit GPU Server", VERSION)
        assert {"/generate", "/jobs", "/health", "/docs"} <= set(card["endpoints"])
