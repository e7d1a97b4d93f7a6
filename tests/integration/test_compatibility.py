"""OpenAI's client and what a tool of A1111 sends, against the bundled model."""

import base64
import json
from collections.abc import Iterator

import httpx
import pytest
from openai import OpenAI

from tests.support.stack import PATIENCE_SECONDS, Stack

PROMPT = "a red circle on a blue background"
QUICK: dict[str, object] = {
    "prompt": PROMPT,
    "num_inference_steps": 5,
    "height": 256,
    "width": 264,
    "seed": 7,
}


@pytest.fixture
def openai_client(stack: Stack) -> Iterator[OpenAI]:
    url = f"{stack.url}/v1"
    with OpenAI(base_url=url, api_key="unused", timeout=PATIENCE_SECONDS) as openai_client:
        yield openai_client


def paint(client: httpx.Client, **fields: object) -> bytes:
    response = client.post("/generate", json={**QUICK, **fields})
    assert response.status_code == 200, response.text
    return response.content


class TestOpenAi:
    def test_paints_the_pictures_of_the_blocking_call(
        self, openai_client: OpenAI, client: httpx.Client
    ) -> None:
        ours = {"seed": 7, "num_inference_steps": 5}
        response = openai_client.images.generate(
            prompt=PROMPT, n=2, size="264x256", extra_body=ours
        )
        assert response.data is not None
        pngs = [base64.b64decode(image.b64_json or "") for image in response.data]
        assert pngs == [paint(client), paint(client, seed=8)]
        assert response.usage is not None
        assert response.usage.input_tokens > 0

    def test_streams_pictures_on_the_way_to_the_whole_one(
        self, openai_client: OpenAI, client: httpx.Client
    ) -> None:
        stream = openai_client.images.generate(
            prompt=PROMPT,
            size="264x256",
            extra_body={"seed": 7, "num_inference_steps": 40},
            stream=True,
            partial_images=2,
        )
        *partials, completed = stream
        assert 1 <= len(partials) <= 2
        assert {event.type for event in partials} == {"image_generation.partial_image"}
        assert completed.model_extra is not None
        kept = client.get(f"/jobs/{completed.model_extra['job_id']}/image")
        assert base64.b64decode(completed.b64_json) == kept.content


class TestA1111:
    def test_paints_the_picture_of_the_blocking_call(self, client: httpx.Client) -> None:
        request = {
            "prompt": PROMPT,
            "steps": 5,
            "height": 256,
            "width": 264,
            "seed": 7,
            "sampler_name": "Euler a",
        }
        answer = client.post("/sdapi/v1/txt2img", json=request).json()
        (image,) = answer["images"]
        assert base64.b64decode(image) == paint(client, scheduler="euler_ancestral")
        assert json.loads(answer["info"])["sd_model_name"] == "demo"
