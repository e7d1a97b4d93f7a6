"""LoRAs at every door: named, listed, refused and told of."""

import base64
import json
from typing import Any

import httpx
import pytest
from openai import BadRequestError, OpenAI
from redis import Redis

from shared.lora_registry import LoraRegistry
from shared.loras import Lora
from tests.contract.serving import working
from tests.integration.test_pictures import open_picture
from tests.support.builders import WORKER
from tests.support.pipelines import LORA_HASHES
from worker.encoding import encode_png

STRIPES = Lora(
    name="stripes v1.2",
    size_bytes=1234,
    title="Stripes",
    base_model="sd_v1",
    trigger_words=("stripes",),
    sha256="ab" * 32,
    autov3="0123456789ab",
)
DOTS = Lora(name="Dots", size_bytes=99)
QUICK: dict[str, object] = {
    "prompt": "a cat",
    "num_inference_steps": 5,
    "width": 256,
    "height": 256,
    "seed": 1,
}
ASKED = [{"name": "stripes v1.2", "weight": 0.8}, {"name": "Dots", "weight": -1}]
TAGS = "<lora:stripes v1.2:0.8> <lora:Dots:-1>"


@pytest.fixture(autouse=True)
def _there(client: httpx.Client, redis: Redis) -> None:
    LoraRegistry(redis, ttl_seconds=600).publish(WORKER, [STRIPES, DOTS])


def complaint(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 422, response.text
    (error,) = response.json()["meta"]["errors"]
    assert isinstance(error, dict)
    return error


def paint(client: httpx.Client, redis: Redis, **fields: object) -> httpx.Response:
    with working(redis):
        response = client.post("/generate", json={**QUICK, **fields})
    assert response.status_code == 200, response.text
    return response


class TestList:
    def test_gives_all_by_name(self, client: httpx.Client) -> None:
        listed = client.get("/loras").json()["loras"]
        assert listed == [DOTS.model_dump(mode="json"), STRIPES.model_dump(mode="json")]

    def test_is_empty_where_no_worker_has_any(self, client: httpx.Client, redis: Redis) -> None:
        LoraRegistry(redis).publish(WORKER, [])
        assert client.get("/loras").json() == {"loras": []}

    def test_is_given_to_tools_of_a1111_in_their_words(self, client: httpx.Client) -> None:
        dots, stripes = client.get("/sdapi/v1/loras").json()
        assert dots == {"name": "Dots", "alias": "Dots", "path": "Dots.safetensors", "metadata": {}}
        assert stripes == {
            "name": "stripes v1.2",
            "alias": "Stripes",
            "path": "stripes v1.2.safetensors",
            "metadata": {
                "ss_base_model_version": "sd_v1",
                "ss_output_name": "Stripes",
                "modelspec.trigger_phrase": "stripes",
                "sshs_model_hash": "0123456789ab",
            },
        }


class TestUnknownName:
    @pytest.mark.parametrize("path", ["/generate", "/jobs"])
    def test_is_refused_with_the_nearest_that_are_there(
        self, client: httpx.Client, path: str
    ) -> None:
        loras = [{"name": "Dots"}, {"name": "Stripes v1"}]
        assert complaint(client.post(path, json={**QUICK, "loras": loras})) == {
            "loc": ["body", "loras", 1, "name"],
            "msg": "there is no LoRA 'Stripes v1' here: near it are 'stripes v1.2'; "
            "GET /loras has all",
            "type": "lora_unknown",
        }

    def test_is_told_where_there_are_none_at_all(self, client: httpx.Client, redis: Redis) -> None:
        LoraRegistry(redis).publish(WORKER, [])
        error = complaint(client.post("/jobs", json={**QUICK, "loras": [{"name": "x"}]}))
        assert error["msg"] == "there is no LoRA 'x' here: there are none"

    def test_is_refused_in_the_prompt_of_a1111(self, client: httpx.Client) -> None:
        response = client.post("/sdapi/v1/txt2img", json={"prompt": "a cat <lora:x:1>"})
        assert "there is no LoRA 'x' here" in complaint(response)["msg"]

    def test_is_refused_in_the_words_of_openai(self, openai_client: OpenAI) -> None:
        with pytest.raises(BadRequestError) as refused:
            openai_client.images.generate(prompt="a", extra_body={"loras": [{"name": "x"}]})
        assert (refused.value.param, refused.value.code) == ("loras.0.name", "invalid_value")


class TestPicture:
    def test_tells_its_loras_in_the_jobs_result(self, client: httpx.Client, redis: Redis) -> None:
        job_id = paint(client, redis, loras=ASKED).headers["x-job-id"]
        job = client.get(f"/jobs/{job_id}").json()
        assert job["request"]["loras"] == ASKED
        assert job["result"]["loras"] == [{**use, **LORA_HASHES} for use in ASKED]

    def test_says_them_in_its_own_words_and_in_those_of_a1111(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        png = paint(client, redis, loras=ASKED, negative_prompt="dog").content
        info = client.post("/png-info", content=png).json()
        prompt, negative, parameters = info["info"].split("\n")
        assert (prompt, negative) == (f"a cat {TAGS}", "Negative prompt: dog")
        hashes = "stripes v1.2: 0123456789ab, Dots: 0123456789ab"
        assert f'Lora hashes: "{hashes}", Version: ' in parameters
        assert info["request"]["loras"] == ASKED
        assert info["result"]["loras"] == [{**use, **LORA_HASHES} for use in ASKED]

    def test_is_read_back_from_a1111s_words_alone(self, client: httpx.Client, redis: Redis) -> None:
        picture = open_picture(paint(client, redis, loras=ASKED))
        stripped = encode_png(picture, {"parameters": str(picture.info["parameters"])})
        request = client.post("/png-info", content=stripped).json()["request"]
        assert (request["prompt"], request["loras"]) == ("a cat", ASKED)

    def test_leaves_tags_in_a_prompt_of_our_own_api_as_words(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        png = paint(client, redis, prompt=f"a cat {TAGS}").content
        request = client.post("/png-info", content=png).json()["request"]
        assert (request["prompt"], request["loras"]) == (f"a cat {TAGS}", [])

    def test_is_verified_by_the_hashes_of_its_loras(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        picture = open_picture(paint(client, redis, loras=ASKED))
        texts = {"semantic-bit": str(picture.info["semantic-bit"]).replace("ab" * 32, "cd" * 32, 1)}
        with working(redis):
            verified = client.post("/verify", content=encode_png(picture, texts)).json()
        change = {"recorded": "cd" * 32, "now": "ab" * 32}
        assert verified["build"] == {"loras.stripes v1.2": change}


class TestA1111:
    def test_paints_with_the_tags_of_its_prompt(self, client: httpx.Client, redis: Redis) -> None:
        body = {"prompt": f"a {TAGS} cat", "steps": 5, "width": 256, "height": 256, "seed": 1}
        with working(redis):
            answer = client.post("/sdapi/v1/txt2img", json=body).json()
        assert base64.b64decode(answer["images"][0]).startswith(b"\x89PNG")
        info = json.loads(answer["info"])
        assert info["infotexts"][0].startswith(f"a cat {TAGS}\n")
        request = client.get(f"/jobs/{info['job_ids'][0]}").json()["request"]
        assert (request["prompt"], request["loras"]) == ("a cat", ASKED)

    @pytest.mark.parametrize(
        ("prompt", "said"),
        [
            ("a <lora:Dots:3>", "<lora:Dots:3> has a weight that cannot be"),
            ("a <lora:Dots:1:0.5>", "one weight"),
            ("a <lora:Dots> <lora:Dots>", "Dots is named more often"),
            ("<lora:Dots>", "other than LoRAs"),
            ("a <hypernet:Dots>", "networks such as"),
        ],
    )
    def test_refuses_tags_that_cannot_be(
        self, client: httpx.Client, prompt: str, said: str
    ) -> None:
        error = complaint(client.post("/sdapi/v1/txt2img", json={"prompt": prompt}))
        assert error["loc"] == ["body", "prompt"]
        assert said in error["msg"]


def test_openai_clients_name_them_in_the_extra_body(
    client: httpx.Client, openai_client: OpenAI, redis: Redis
) -> None:
    with working(redis):
        answer = openai_client.images.generate(
            prompt="a", size="256x256", extra_body={"loras": ASKED, "num_inference_steps": 5}
        )
    assert answer.data
    job_id = (answer.data[0].model_extra or {})["job_id"]
    assert client.get(f"/jobs/{job_id}").json()["request"]["loras"] == ASKED
