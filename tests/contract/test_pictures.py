import io
import re

import httpx
import pytest
from PIL import Image
from redis import Redis

from shared.job_store import JobStore
from tests.contract.conftest import StartApi
from tests.contract.serving import working
from tests.support.pipelines import CallsBeforeItReturns, PaintsFlat, runs_out_of_memory
from tests.support.runners import make_runner
from worker.prompt_account import PromptAccount

REQUEST: dict[str, object] = {
    "prompt": "a red apple",
    "num_inference_steps": 5,
    "guidance_scale": 7,
    "width": 320,
    "height": 256,
    "seed": 42,
}
STAGES = ["queue", "text", "denoise", "decode", "encode", "total"]
HEADERS = [
    "content-type",
    "content-disposition",
    "cache-control",
    "x-seed",
    "x-steps",
    "x-guidance",
    "x-scheduler",
    "x-device",
    "x-prompt-tokens",
    "x-prompt-chunks",
]


def paint(client: httpx.Client, redis: Redis, **fields: object) -> httpx.Response:
    with working(redis):
        response = client.post("/generate", json={**REQUEST, **fields})
    assert response.status_code == 200, response.text
    return response


OF_THE_CALL = {"date", "x-request-id"}


def headers_of_the_picture(response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name not in OF_THE_CALL}


class TestGenerate:
    def test_answers_with_the_picture(self, client: httpx.Client, redis: Redis) -> None:
        picture = Image.open(io.BytesIO(paint(client, redis).content))
        assert (picture.format, picture.size) == ("PNG", (320, 256))
        assert picture.getcolors() == [(320 * 256, (255, 0, 0))]

    def test_says_in_the_headers_how_it_was_made(self, client: httpx.Client, redis: Redis) -> None:
        headers = paint(client, redis).headers
        assert {name: headers[name] for name in HEADERS} == {
            "content-type": "image/png",
            "content-disposition": "inline; filename=generated.png",
            "cache-control": "no-store",
            "x-seed": "42",
            "x-steps": "5",
            "x-guidance": "7.0",
            "x-scheduler": "dpmsolver++",
            "x-device": "cpu",
            "x-prompt-tokens": "0",
            "x-prompt-chunks": "1",
        }
        assert "x-prompt-truncated" not in headers

    @pytest.mark.parametrize(
        "account",
        [PromptAccount(dropped_text="and more"), PromptAccount(dropped_negative_text="and more")],
    )
    def test_says_in_the_headers_that_a_prompt_was_cut(
        self, client: httpx.Client, redis: Redis, account: PromptAccount
    ) -> None:
        with working(redis, PaintsFlat(account=account)):
            headers = client.post("/generate", json=REQUEST).headers
        assert headers["x-prompt-truncated"] == "true"

    def test_says_in_the_headers_how_long_it_took(self, client: httpx.Client, redis: Redis) -> None:
        headers = paint(client, redis).headers
        stages = [stage.split(";dur=") for stage in headers["server-timing"].split(", ")]
        assert [name for name, _ in stages] == STAGES
        assert all(float(milliseconds) >= 0 for _, milliseconds in stages)
        assert re.fullmatch(r"\d+\.\d\ds", headers["x-generation-time"])

    def test_says_in_the_headers_which_job_it_was(self, client: httpx.Client, redis: Redis) -> None:
        response = paint(client, redis)
        job = client.get(f"/jobs/{response.headers['x-job-id']}").json()
        assert job["state"] == "succeeded"
        assert job["result"]["image_bytes"] == len(response.content)

    def test_fills_in_the_settings_defaults(self, start_api: StartApi, redis: Redis) -> None:
        client = start_api(
            default_steps=9,
            default_guidance_scale=3.5,
            default_height=264,
            default_width=272,
            scheduler_type="EulerAncestral",
        )
        with working(redis):
            headers = client.post("/generate", json={"prompt": "a red apple"}).headers
        request = client.get(f"/jobs/{headers['x-job-id']}").json()["request"]
        assert request == {
            "prompt": "a red apple",
            "negative_prompt": None,
            "num_inference_steps": 9,
            "guidance_scale": 3.5,
            "height": 264,
            "width": 272,
            "seed": int(headers["x-seed"]),
            "scheduler": "euler_ancestral",
            "embed_metadata": True,
            "loras": [],
            "init_image": None,
            "strength": None,
            "mask": None,
            "model": "demo",
        }

    def test_draws_another_seed_each_time(self, client: httpx.Client, redis: Redis) -> None:
        seeds = {paint(client, redis, seed=None).headers["x-seed"] for _ in range(3)}
        assert len(seeds) == 3

    def test_says_why_there_is_no_picture(self, client: httpx.Client, redis: Redis) -> None:
        with working(redis, runs_out_of_memory()):
            response = client.post("/generate", json=REQUEST)
        assert response.status_code == 500
        assert response.json()["meta"]["type"] == "gpu_out_of_memory"

    def test_says_that_another_client_canceled(
        self, client: httpx.Client, redis: Redis, store: JobStore
    ) -> None:
        def cancel() -> None:
            (job_id,) = redis.zrange("semantic-bit:held", 0, -1)
            assert isinstance(job_id, bytes)
            store.update(job_id.decode(), lambda job, now: job.cancel(now))

        with working(redis, CallsBeforeItReturns(cancel)):
            response = client.post("/generate", json=REQUEST)
        assert (response.status_code, response.json()["error"]) == (409, "JobCanceled")


class TestPreferAsync:
    @pytest.mark.parametrize("prefer", ["respond-async", "Respond-Async", "wait=5, respond-async"])
    def test_turns_the_call_into_a_submit(self, client: httpx.Client, prefer: str) -> None:
        response = client.post("/generate", json=REQUEST, headers={"Prefer": prefer})
        job = response.json()
        assert (response.status_code, job["state"]) == (202, "queued")
        assert response.headers["location"] == job["urls"]["self"] == f"/jobs/{job['id']}"
        assert response.headers["preference-applied"] == "respond-async"

    def test_is_ignored_where_it_says_something_else(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        with working(redis):
            response = client.post("/generate", json=REQUEST, headers={"Prefer": "wait=5"})
        assert response.status_code == 200


class TestImage:
    def test_has_the_bytes_and_the_headers_of_the_blocking_call(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        blocking = paint(client, redis)
        collected = client.get(f"/jobs/{blocking.headers['x-job-id']}/image")
        assert collected.content == blocking.content
        assert headers_of_the_picture(collected) == headers_of_the_picture(blocking)

    def test_can_be_collected_more_than_once(self, client: httpx.Client, redis: Redis) -> None:
        url = client.post("/jobs", json=REQUEST).headers["location"]
        make_runner(redis).run(url.removeprefix("/jobs/"))
        first, second = (client.get(f"{url}/image") for _ in range(2))
        assert (first.status_code, first.content) == (200, second.content)
