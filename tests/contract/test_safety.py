"""What clients are told of what the safety checker finds; a thread paints for them."""

import json

import httpx
import pytest
from redis import Redis

from tests.contract.serving import working
from tests.support.pipelines import PaintsFlat
from worker.blocking import BlockingPipeline

REQUEST = {"prompt": "a cat", "num_inference_steps": 5, "height": 256, "width": 256, "seed": 1}
OPENAI = {"prompt": "a cat", "size": "256x256"}
A1111 = {"prompt": "a cat", "steps": 5, "width": 256, "height": 256}


class TestFlag:
    @pytest.mark.parametrize(("flagged", "word"), [(True, "true"), (False, "false"), (None, None)])
    def test_is_a_header_and_a_field(
        self,
        client: httpx.Client,
        redis: Redis,
        flagged: bool | None,  # noqa: FBT001
        word: str | None,
    ) -> None:
        with working(redis, PaintsFlat(flagged=flagged)):
            answer = client.post("/generate", json=REQUEST)
        job = client.get(f"/jobs/{answer.headers['x-job-id']}").json()
        image = client.get(job["urls"]["image"])
        assert (answer.status_code, job["result"]["flagged"]) == (200, flagged)
        assert {one.headers.get("x-safety-flagged") for one in (answer, image)} == {word}

    def test_is_in_the_answers_of_the_other_apis(self, client: httpx.Client, redis: Redis) -> None:
        with working(redis, PaintsFlat(flagged=True)):
            (image,) = client.post("/v1/images/generations", json=OPENAI).json()["data"]
            info = json.loads(client.post("/sdapi/v1/txt2img", json=A1111).json()["info"])
        assert (image["flagged"], info["flagged"]) == (True, [True])


class TestBlock:
    def test_is_an_error_of_its_own_and_leaves_no_picture(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        with working(redis, BlockingPipeline(PaintsFlat(flagged=True))):
            answer = client.post("/generate", json=REQUEST)
        body = answer.json()
        assert (answer.status_code, body["error"], body["code"]) == (422, "ContentBlocked", 422)
        job = client.get(f"/jobs/{body['meta']['job_id']}").json()
        assert (job["state"], job["error"]["type"]) == ("failed", "content_blocked")
        assert client.get(job["urls"]["image"]).json() == body
        assert list(redis.scan_iter("semantic-bit:image:*")) == []

    def test_is_openais_word_for_it_and_no_reason_to_try_again(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        with working(redis, BlockingPipeline(PaintsFlat(flagged=True))):
            answer = client.post("/v1/images/generations", json=OPENAI)
        assert (answer.status_code, answer.headers["x-should-retry"]) == (400, "false")
        error = answer.json()["error"]
        assert (error["code"], error["type"]) == (
            "content_policy_violation",
            "invalid_request_error",
        )
