"""What tools of A1111 send, as they send it."""

import base64
import io
import json
from typing import Any

import httpx
import pytest
from PIL import Image
from redis import Redis

from shared.generation import Scheduler
from shared.job_parts import JobState
from shared.job_store import JobStore
from shared.schedulers import SCHEDULERS
from tests.contract.conftest import StartApi
from tests.contract.serving import LOADING, announce, working
from tests.support.builders import bring_to, claim_job, store_job
from tests.support.pipelines import PaintsUntilInterrupted, WaitsToBeSeen, runs_out_of_memory
from tests.unit.eventually import eventually

REQUEST: dict[str, object] = {
    "prompt": "a red apple",
    "negative_prompt": "",
    "steps": 5,
    "cfg_scale": 7,
    "width": 320,
    "height": 256,
    "seed": 42,
    "sampler_name": "DPM++ 2M",
    "scheduler": "Karras",
}
# What the best-known client in Python sends beside what its user chose.
SENT_BY_WEBUIAPI: dict[str, object] = {
    "enable_hr": False,
    "hr_scale": 2,
    "hr_upscaler": "Latent",
    "hr_second_pass_steps": 0,
    "hr_resize_x": 0,
    "hr_resize_y": 0,
    "hr_checkpoint_name": None,
    "hr_sampler_name": None,
    "hr_scheduler": None,
    "hr_prompt": "",
    "hr_negative_prompt": "",
    "denoising_strength": 0.7,
    "firstphase_width": 0,
    "firstphase_height": 0,
    "styles": [],
    "subseed": -1,
    "subseed_strength": 0.0,
    "seed_resize_from_h": 0,
    "seed_resize_from_w": 0,
    "batch_size": 1,
    "n_iter": 1,
    "restore_faces": False,
    "tiling": False,
    "do_not_save_samples": False,
    "do_not_save_grid": False,
    "eta": 1.0,
    "s_churn": 0,
    "s_tmax": 0,
    "s_tmin": 0,
    "s_noise": 1,
    "override_settings": {},
    "override_settings_restore_afterwards": True,
    "sampler_index": "Euler a",
    "script_name": None,
    "script_args": [],
    "send_images": True,
    "save_images": False,
    "alwayson_scripts": {},
}
IDLE = {
    "progress": 0.0,
    "eta_relative": 0.0,
    "state": {
        "job": "",
        "job_count": 0,
        "job_no": 0,
        "job_timestamp": "0",
        "sampling_step": 0,
        "sampling_steps": 0,
        "interrupted": False,
        "skipped": False,
        "stopping_generation": False,
    },
    "current_image": None,
    "textinfo": None,
}


def paint(client: httpx.Client, redis: Redis, **fields: object) -> dict[str, Any]:
    with working(redis):
        response = client.post("/sdapi/v1/txt2img", json={**REQUEST, **fields})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return {**answer, "info": json.loads(answer["info"])}


def refuse(client: httpx.Client, **fields: object) -> dict[str, Any]:
    """Give the error that names the field that is wrong."""
    response = client.post("/sdapi/v1/txt2img", json={**REQUEST, **fields})
    assert response.status_code == 422, response.text
    (error,) = response.json()["meta"]["errors"]
    return {"field": error["loc"][1], "message": error["msg"]}


def progress(client: httpx.Client, **query: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/sdapi/v1/progress", params=query).json()
    return answer


class TestFieldsOfWhatIsNotDone:
    @pytest.mark.parametrize(
        ("field", "value"),
        [("enable_hr", 0), ("subseed_strength", False), ("clip_skip", True), ("comments", [])],
    )
    def test_take_no_value_that_only_python_thinks_the_same(
        self, client: httpx.Client, field: str, value: object
    ) -> None:
        assert refuse(client, **{field: value})["field"] == field

    def test_show_in_the_document_what_they_take(self, client: httpx.Client) -> None:
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
        fields = schemas["Txt2ImgRequest"]["properties"]
        assert fields["enable_hr"]["enum"] == [False, None]
        assert fields["comments"]["enum"] == [{}, None]
        assert fields["alwayson_scripts"]["maxProperties"] == 0


class TestTxt2Img:
    def test_answers_with_the_picture(self, client: httpx.Client, redis: Redis) -> None:
        (image,) = paint(client, redis)["images"]
        picture = Image.open(io.BytesIO(base64.b64decode(image)))
        assert (picture.format, picture.size) == ("PNG", (320, 256))

    def test_paints_what_was_asked(self, client: httpx.Client, redis: Redis) -> None:
        info = paint(client, redis, negative_prompt="blue")["info"]
        job = client.get(f"/jobs/{info['job_ids'][0]}").json()
        assert job["request"] == {
            "prompt": "a red apple",
            "negative_prompt": "blue",
            "num_inference_steps": 5,
            "guidance_scale": 7,
            "width": 320,
            "height": 256,
            "seed": 42,
            "scheduler": Scheduler.DPM_SOLVER_PP,
            "embed_metadata": True,
            "loras": [],
            "init_image": None,
            "strength": None,
            "mask": None,
            "model": "demo",
        }

    def test_says_how_it_was_made(self, client: httpx.Client, redis: Redis) -> None:
        info = paint(client, redis, negative_prompt="blue")["info"]
        told = ("prompt", "negative_prompt", "seed", "steps", "sampler_name", "sd_model_name")
        assert {name: info[name] for name in told} == {
            "prompt": "a red apple",
            "negative_prompt": "blue",
            "seed": 42,
            "steps": 5,
            "sampler_name": "DPM++ 2M",
            "sd_model_name": "demo",
        }
        (text,) = info["infotexts"]
        assert text.startswith("a red apple\nNegative prompt: blue\nSteps: 5, Sampler: DPM++ 2M")

    def test_paints_batches_each_picture_with_the_next_seed(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        answer = paint(client, redis, batch_size=2, n_iter=2)
        assert len(answer["images"]) == len(answer["info"]["infotexts"]) == 4
        assert answer["info"]["all_seeds"] == [42, 43, 44, 45]

    def test_draws_a_seed_for_minus_one(self, client: httpx.Client, redis: Redis) -> None:
        first, second = (paint(client, redis, seed=-1, n_iter=2)["info"] for _ in range(2))
        assert first["all_seeds"] == [first["seed"], first["seed"] + 1]
        assert first["seed"] != second["seed"]

    def test_repeats_the_parameters_with_what_was_taken_for_the_missing(
        self, start_api: StartApi, redis: Redis
    ) -> None:
        client = start_api(default_steps=9, default_width=264, scheduler_type="EulerAncestral")
        with working(redis):
            answer = client.post("/sdapi/v1/txt2img", json={"prompt": "a"}).json()
        parameters = answer["parameters"]
        taken = {name: parameters[name] for name in ("steps", "width", "sampler_name", "seed")}
        assert taken == {"steps": 9, "width": 264, "sampler_name": "Euler a", "seed": -1}

    def test_sends_no_images_where_none_are_wanted(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        answer = paint(client, redis, send_images=False)
        assert answer["images"] == []
        job_id = answer["info"]["job_ids"][0]
        assert client.get(f"/jobs/{job_id}/image").status_code == 200

    def test_takes_everything_that_a_client_sends_and_leaves_out_with_it(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        info = paint(client, redis, **SENT_BY_WEBUIAPI)["info"]
        assert info["sampler_name"] == "DPM++ 2M"

    def test_takes_the_name_of_the_loaded_model(self, client: httpx.Client, redis: Redis) -> None:
        settings = {"sd_model_checkpoint": "demo", "CLIP_stop_at_last_layers": 1}
        assert len(paint(client, redis, override_settings=settings)["images"]) == 1

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("prompt", ""),
            ("prompt", "an apple <lyco:style:0.8>"),
            ("negative_prompt", "<lora:style:0.8>"),
            ("steps", 61),
            ("cfg_scale", 0.5),
            ("width", 1024),
            ("seed", -2),
            ("seed", 2**32),
            ("sampler_name", "PLMS"),
            ("scheduler", "Exponential"),
            ("batch_size", 11),
            ("enable_hr", True),
            ("restore_faces", True),
            ("tiling", True),
            ("save_images", True),
            ("styles", ["anime"]),
            ("subseed_strength", 0.5),
            ("seed_resize_from_h", 512),
            ("s_noise", 0.9),
            ("s_churn", 1),
            ("clip_skip", 2),
            ("refiner_checkpoint", "sd_xl_refiner"),
            ("script_name", "x/y/z plot"),
            ("alwayson_scripts", {"ControlNet": {"args": [{}]}}),
            ("override_settings", {"sd_model_checkpoint": "another"}),
            ("override_settings", {"sd_vae": "another"}),
            ("force_task_id", "task-1"),
            ("init_images", []),
        ],
    )
    def test_names_what_cannot_be_done(
        self, client: httpx.Client, redis: Redis, field: str, value: object
    ) -> None:
        assert refuse(client, **{field: value})["field"] == field
        assert list(redis.scan_iter("semantic-bit:job:*")) == []

    @pytest.mark.parametrize("field", ["prompt", "negative_prompt"])
    def test_names_weights_where_they_are_not_understood(
        self, start_api: StartApi, redis: Redis, field: str
    ) -> None:
        client = start_api(prompt_syntax="plain")
        assert refuse(client, **{field: "a (red:1.3) apple"})["field"] == field
        assert list(redis.scan_iter("semantic-bit:job:*")) == []

    def test_takes_weights_where_they_are_understood(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        weighted = {"prompt": "a (red:1.3) apple", "negative_prompt": "(blue:1.2)"}
        assert len(paint(client, redis, **weighted)["images"]) == 1

    def test_names_what_does_not_go_together(self, client: httpx.Client) -> None:
        assert refuse(client, sampler_name="Euler a", scheduler="Karras")["field"] == "scheduler"
        assert refuse(client, sampler_name="Euler a", scheduler=None, eta=0)["field"] == "eta"
        assert refuse(client, batch_size=4, n_iter=3)["field"] == "n_iter"
        assert refuse(client, seed=2**32 - 1, n_iter=2)["field"] == "seed"

    def test_names_the_limit_of_an_installation(self, start_api: StartApi) -> None:
        refused = refuse(start_api(max_concurrent_requests=2), n_iter=3)
        assert refused["field"] == "n_iter"
        assert "2 pictures" in refused["message"]

    def test_has_karras_only_where_the_installation_has(self, start_api: StartApi) -> None:
        client = start_api(use_karras_sigmas=False)
        assert refuse(client)["field"] == "scheduler"
        refused = refuse(client, sampler_name="DPM++ 2M Karras", scheduler=None)
        assert refused["field"] == "sampler_name"

    def test_says_why_there_is_no_picture(self, client: httpx.Client, redis: Redis) -> None:
        with working(redis, runs_out_of_memory()):
            response = client.post("/sdapi/v1/txt2img", json=REQUEST)
        assert response.status_code == 500
        assert response.json()["error"] == "GenerationFailed"

    def test_stops_when_the_client_leaves(
        self, client: httpx.Client, redis: Redis, store: JobStore
    ) -> None:
        with working(redis, PaintsUntilInterrupted()):
            with pytest.raises(httpx.ReadTimeout):
                client.post("/sdapi/v1/txt2img", json={**REQUEST, "n_iter": 2}, timeout=0.5)
            eventually(store.count, until=lambda counts: not any(counts.values()))


class TestKey:
    @pytest.fixture
    def guarded(self, start_api: StartApi) -> httpx.Client:
        return start_api(api_key="sécret")

    @pytest.mark.parametrize("user", ["", "somebody"])
    def test_can_be_the_password(self, guarded: httpx.Client, user: str) -> None:
        credentials = base64.b64encode(f"{user}:sécret".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}"}
        assert guarded.get("/sdapi/v1/options", headers=headers).status_code == 200

    def test_can_be_a_bearers(self, guarded: httpx.Client) -> None:
        headers = {b"Authorization": "Bearer sécret".encode()}
        assert guarded.get("/sdapi/v1/options", headers=headers).status_code == 200

    @pytest.mark.parametrize(
        "authorization", ["", "Basic", "Basic !", "Basic c29tZWJvZHk=", "Basic Ondyb25n"]
    )
    def test_is_needed(self, guarded: httpx.Client, authorization: str) -> None:
        headers = {"Authorization": authorization}
        response = guarded.get("/sdapi/v1/options", headers=headers)
        assert (response.status_code, response.json()["error"]) == (401, "Unauthorized")

    def test_is_no_password_of_other_routes(self, guarded: httpx.Client) -> None:
        assert guarded.get("/jobs", auth=("somebody", "sécret")).status_code == 401


class TestProgress:
    def test_is_none_while_nothing_is_painted(self, client: httpx.Client, store: JobStore) -> None:
        bring_to(store, JobState.SUCCEEDED)
        assert progress(client) == IDLE

    def test_of_a_waiting_job_says_how_many_are_before_it(
        self, client: httpx.Client, store: JobStore
    ) -> None:
        store_job(store, "a")
        store_job(store, "b")
        answer = progress(client)
        assert (answer["state"]["job"], answer["progress"]) == ("a", 0)
        assert answer["textinfo"] == "Waiting; it is next."

    def test_is_that_of_the_oldest_running_job(self, client: httpx.Client, store: JobStore) -> None:
        for job_id in ("a", "b", "c"):
            store_job(store, job_id)
        for job_id in ("b", "c"):
            claim_job(store, job_id)
        assert progress(client)["state"]["job"] == "b"

    def test_says_which_step_is_done(self, client: httpx.Client, store: JobStore) -> None:
        store_job(store, "a")
        claim_job(store, "a")
        store.hold("a", lambda job, _: job.advance(job.token or "", 2))
        answer = progress(client)
        state = answer["state"]
        assert (state["sampling_step"], state["sampling_steps"], state["job_count"]) == (2, 5, 1)
        assert answer["progress"] == round(2 / 6, 4)

    def test_says_that_a_job_is_being_canceled(self, client: httpx.Client, store: JobStore) -> None:
        bring_to(store, JobState.CANCELING)
        assert progress(client)["state"]["interrupted"] is True

    def test_brings_previews_once_it_has_been_asked(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        with working(redis, WaitsToBeSeen()):
            job_url = client.post("/jobs", json={"prompt": "a", "num_inference_steps": 5}).json()
            seen = eventually(
                lambda: progress(client)["current_image"], until=lambda image: image is not None
            )
            eventually(
                lambda: client.get(job_url["urls"]["self"]).json()["state"],
                until=lambda state: state == "succeeded",
            )
        picture = Image.open(io.BytesIO(base64.b64decode(seen)))
        assert (picture.format, picture.size) == ("JPEG", (32, 32))

    def test_asks_for_no_preview_where_none_is_wanted(
        self, client: httpx.Client, redis: Redis, store: JobStore
    ) -> None:
        store_job(store, "a")
        assert progress(client, skip_current_image="true")["current_image"] is None
        assert list(redis.scan_iter("semantic-bit:previews-wanted:*")) == []


class TestCatalogue:
    def test_lists_the_samplers(self, client: httpx.Client) -> None:
        names = [sampler["name"] for sampler in client.get("/sdapi/v1/samplers").json()]
        assert names == [entry.a1111 for entry in SCHEDULERS]

    def test_lists_the_noise_levels_of_the_installation(
        self, client: httpx.Client, start_api: StartApi
    ) -> None:
        names = [one["name"] for one in client.get("/sdapi/v1/schedulers").json()]
        assert names == ["automatic", "karras", "uniform"]
        other = start_api(use_karras_sigmas=False)
        names = [one["name"] for one in other.get("/sdapi/v1/schedulers").json()]
        assert names == ["automatic", "uniform"]

    def test_shows_the_model_that_is_loaded(self, client: httpx.Client) -> None:
        (model,) = client.get("/sdapi/v1/sd-models").json()
        assert model == {
            "title": "demo",
            "model_name": "demo",
            "hash": "0123456789",
            "sha256": "0123456789abcdef",
            "filename": "demo",
            "config": None,
        }
        options = client.get("/sdapi/v1/options").json()
        assert options["sd_model_checkpoint"] == model["title"]

    def test_shows_no_model_while_none_is_loaded(self, client: httpx.Client, redis: Redis) -> None:
        announce(redis, LOADING)
        assert client.get("/sdapi/v1/sd-models").json() == []
        assert client.get("/sdapi/v1/options").json()["sd_model_checkpoint"] is None

    def test_cannot_be_changed(self, client: httpx.Client) -> None:
        response = client.post("/sdapi/v1/options", json={"sd_model_checkpoint": "another"})
        assert (response.status_code, response.json()["error"]) == (405, "MethodNotAllowed")

    @pytest.mark.parametrize(
        "name", ["upscalers", "latent-upscale-modes", "sd-vae", "prompt-styles"]
    )
    def test_says_what_there_is_none_of(self, client: httpx.Client, name: str) -> None:
        assert client.get(f"/sdapi/v1/{name}").json() == []

    def test_has_no_scripts(self, client: httpx.Client) -> None:
        assert client.get("/sdapi/v1/scripts").json() == {"txt2img": [], "img2img": []}
