"""Several models over HTTP: on one worker, and on workers that serve different ones."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from httpx import codes

from tests.support.stack import PATIENCE_SECONDS, Stack, eventually
from tests.support.tiny_models import tiny_model

REQUEST = {"prompt": "a red circle", "num_inference_steps": 5, "height": 256, "width": 256}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folders = tmp_path_factory.mktemp("models")
    tiny_model(folders / "one")
    tiny_model(folders / "two", "v_prediction", seed=1)
    return folders


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, folders: Path) -> Iterator[Stack]:
    """With the bundled model, a tiny one and one that breaks when it is loaded."""
    broken = folders / "broken"
    tiny_model(broken)
    (broken / "vae" / "config.json").unlink()
    settings = {
        "MODELS": f"one={folders / 'one'},broken={broken}",
        "MAX_WARM_MODELS": "1",
        "OMP_NUM_THREADS": "1",
    }
    with Stack(tmp_path_factory.mktemp("stack"), settings) as stack:
        stack.start("redis", "worker", "api")
        stack.wait_until_ready()
        yield stack


def paint(client: httpx.Client, model: str) -> httpx.Response:
    return client.post("/generate", json={**REQUEST, "seed": 7, "model": model})


def warm(client: httpx.Client) -> dict[str, bool]:
    return {model["name"]: model["warm"] for model in client.get("/models").json()}


class TestOneWorker:
    def test_loads_what_is_asked_for_and_paints_as_if_it_had_been_there(
        self, client: httpx.Client
    ) -> None:
        first, other, again = (paint(client, model) for model in ("demo", "one", "demo"))
        assert first.content == again.content != other.content
        shown = {"demo": True, "one": False, "broken": False}
        assert eventually(lambda: warm(client), until=lambda seen: seen == shown)

    def test_goes_on_after_a_model_that_cannot_be_loaded(
        self, client: httpx.Client, stack: Stack
    ) -> None:
        failed = paint(client, "broken")
        assert failed.status_code == codes.INTERNAL_SERVER_ERROR
        assert failed.json()["meta"]["type"] == "model_unavailable"
        assert str(stack.folder) not in failed.text
        assert "MODELS=broken=" in stack.log("worker").read_text()
        assert paint(client, "one").status_code == codes.OK

    def test_shows_in_its_metrics_what_each_load_took(
        self, client: httpx.Client, stack: Stack
    ) -> None:
        paint(client, "one")
        shown = httpx.get(f"http://127.0.0.1:{stack.metrics_port}/metrics").text
        assert 'semantic_bit_model_load_seconds{model="demo"}' in shown
        assert 'semantic_bit_model_load_seconds{model="one"}' in shown
        assert "semantic_bit_warm_models 1.0" in shown


class TestWorkersOfDifferentModels:
    def test_get_the_jobs_of_their_own(self, tmp_path: Path, folders: Path) -> None:
        flat = Stack(tmp_path, {"WORKER_METRICS_PORT": "0"}, worker="tests.support.flat_worker")
        with flat as stack, httpx.Client(base_url=stack.url, timeout=PATIENCE_SECONDS) as client:
            stack.start("redis", "api", "worker")
            stack.commands["second"] = stack.commands["worker"]
            stack.settings |= {"WORKER_NAME": "second", "MODEL_ID": str(folders / "two")}
            stack.start("second")
            stack.wait_until_ready()
            eventually(lambda: set(warm(client)), until=lambda names: names == {"demo", "two"})
            for model, worker in {"demo": "worker", "two": "second"}.items():
                job = client.post("/jobs", json={**REQUEST, "model": model}).json()
                ended = client.get(f"/jobs/{job['id']}", params={"wait": 20}).json()
                assert ended["state"] == "succeeded"
                (attempt,) = stack.store.get(job["id"]).attempts
                assert attempt.worker.startswith(f"{worker}@")
            stack.stop("second")
            response = client.post("/jobs", json={**REQUEST, "model": "two"})
            assert response.status_code == codes.UNPROCESSABLE_ENTITY
