"""OpenAI's own client, and what it gives, in a form to look at."""

import base64
import io
from typing import Any, Protocol

import httpx
from openai import OpenAI
from openai.types import Image as ImageView
from openai.types import ImagesResponse
from PIL import Image
from redis import Redis

OURS: dict[str, object] = {"num_inference_steps": 5, "seed": 42}
UNSEEDED: dict[str, object] = {"num_inference_steps": 5}


class ConnectTo(Protocol):
    """Gives a client of an API."""

    def __call__(
        self, api: httpx.Client, *, api_key: str = "unused", max_retries: int = 0
    ) -> OpenAI: ...


def generate(client: OpenAI, *, ours: dict[str, object] = OURS, **fields: object) -> ImagesResponse:
    """Ask for small pictures; `ours` are the fields that OpenAI does not have."""
    arguments: dict[str, Any] = {"prompt": "a red apple", "size": "320x256", **fields}
    response: ImagesResponse = client.images.generate(**arguments, extra_body=ours)
    return response


def images(response: ImagesResponse) -> list[ImageView]:
    assert response.data is not None
    return response.data


def opened(image: ImageView) -> Image.Image:
    assert image.b64_json is not None
    return opened_text(image.b64_json)


def opened_text(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text)))


def extra(image: ImageView, name: str) -> object:
    """Give what is ours, which their types do not know."""
    assert image.model_extra is not None
    return image.model_extra[name]


def job_ids(redis: Redis) -> list[str]:
    """Give the ids of all jobs that there are."""
    return [key.decode().rpartition(":")[2] for key in redis.scan_iter("semantic-bit:job:*")]
