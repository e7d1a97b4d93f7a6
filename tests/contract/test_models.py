"""Which models there are, and asking for one of them."""

import httpx
import pytest
from redis import Redis

from shared.worker_registry import Heartbeat, ServedModel, WorkerState
from tests.contract.conftest import StartApi
from tests.contract.serving import LOADING, announce
from tests.support.builders import BUILD, WORKER

COLD = ServedModel(name="photo")
TWO = Heartbeat(
    worker=WORKER,
    state=WorkerState.READY,
    build=BUILD,
    models=(ServedModel(name="demo", warm=True, build=BUILD), COLD),
)
OTHER = Heartbeat(worker="other@there", state=WorkerState.LOADING, models=(COLD,))


def submit(client: httpx.Client, **fields: object) -> httpx.Response:
    return client.post("/jobs", json={"prompt": "a cat", **fields})


class TestModels:
    def test_are_listed_with_their_workers_the_default_first(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        announce(redis, TWO)
        announce(redis, OTHER.model_copy(update={"state": WorkerState.READY}))
        models = {model["name"]: model for model in client.get("/models").json()}
        assert models["demo"]["build"]["model_revision"] == BUILD.model_revision
        assert models["photo"]["build"] is None
        told = [(model["warm"], sorted(model["workers"])) for model in models.values()]
        assert sorted(told) == [(False, ["other", "worker"]), (True, ["worker"])]
        assert sum(model["default"] for model in models.values()) == 1

    def test_are_none_while_the_only_worker_loads(self, client: httpx.Client, redis: Redis) -> None:
        announce(redis, LOADING)
        assert client.get("/models").json() == []


class TestModel:
    def test_is_the_default_where_none_is_named(self, client: httpx.Client, redis: Redis) -> None:
        announce(redis, TWO)
        assert submit(client).json()["request"]["model"] == "demo"

    @pytest.mark.parametrize("state", list(WorkerState))
    def test_can_be_named_also_while_its_worker_loads(
        self, client: httpx.Client, redis: Redis, state: WorkerState
    ) -> None:
        announce(redis, TWO.model_copy(update={"state": state}))
        assert submit(client, model="photo").json()["request"]["model"] == "photo"

    @pytest.mark.parametrize("path", ["/jobs", "/generate"])
    def test_that_is_not_there_is_refused_and_the_others_are_named(
        self, client: httpx.Client, redis: Redis, path: str
    ) -> None:
        announce(redis, TWO)
        response = client.post(path, json={"prompt": "a cat", "model": "none"})
        message = "no worker serves this model; there is 'demo', 'photo', got 'none'"
        assert (response.status_code, response.json()["error"]) == (422, "ValidationError")
        assert response.json()["meta"]["errors"] == [
            {"loc": ["body", "model"], "msg": message, "type": "value_error"}
        ]

    def test_whose_worker_is_away_comes_back_later(self, start_api: StartApi) -> None:
        response = submit(start_api(models="photo=/models/photo"), model="photo")
        assert (response.status_code, response.json()["error"]) == (503, "ModelNotLoaded")
        assert "'photo'" in response.json()["detail"]
        assert response.headers["retry-after"] == "10"

    @pytest.mark.parametrize("name", ["", "x" * 513, 1])
    def test_has_a_name(self, client: httpx.Client, name: object) -> None:
        assert submit(client, model=name).status_code == 422

    def test_of_a1111_is_set_by_override_settings(self, client: httpx.Client, redis: Redis) -> None:
        announce(redis, TWO)
        titles = [model["title"] for model in client.get("/sdapi/v1/sd-models").json()]
        assert titles == ["demo", "photo"]
        assert client.get("/sdapi/v1/options").json()["sd_model_checkpoint"] == "demo"
