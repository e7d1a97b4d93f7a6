"""OpenAI's own client, that edits pictures."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types import ImagesResponse
from PIL import Image
from redis import Redis

from tests.contract.openai_client import images, job_ids, opened
from tests.contract.serving import working
from tests.support.input_pictures import encoded, half_and_half, mask_of_left
from tests.support.input_pictures import opened as opened_bytes
from tests.support.pipelines import PaintsFlat

PICTURE = ("cat.png", encoded(half_and_half()), "image/png")
OURS: dict[str, object] = {"num_inference_steps": 10, "seed": 42, "strength": 0.6}


def cutout() -> bytes:
    """Give a mask that is transparent on the left, where it is painted."""
    picture = half_and_half().convert("RGBA")
    picture.putalpha(mask_of_left().point(lambda value: 255 - value))
    return encoded(picture)


@pytest.fixture
def pipeline() -> PaintsFlat:
    return PaintsFlat()


@pytest.fixture
def painter(openai_client: OpenAI, redis: Redis, pipeline: PaintsFlat) -> Iterator[OpenAI]:
    """A client of a service that paints."""
    with working(redis, pipeline):
        yield openai_client


def edit(client: OpenAI, **fields: object) -> ImagesResponse:
    arguments: dict[str, Any] = {"image": PICTURE, "prompt": "a green apple", **fields}
    response: ImagesResponse = client.images.edit(**{"extra_body": OURS, **arguments})
    return response


class TestEdit:
    def test_paints_on_the_picture(self, painter: OpenAI, pipeline: PaintsFlat) -> None:
        (image,) = images(edit(painter))
        assert opened(image).size == (320, 256)
        (request,) = pipeline.painted
        assert (request.strength, request.seed, request.num_inference_steps) == (0.6, 42, 10)
        assert request.mask is None

    def test_paints_where_the_mask_is_transparent(
        self, painter: OpenAI, pipeline: PaintsFlat
    ) -> None:
        edit(painter, mask=("mask.png", cutout(), "image/png"))
        (inputs,) = pipeline.painted_on
        assert inputs.mask is not None
        mask = opened_bytes(inputs.mask)
        assert (mask.getpixel((5, 5)), mask.getpixel((300, 5))) == (255, 0)

    def test_needs_nothing_but_a_picture_and_a_prompt(
        self, painter: OpenAI, pipeline: PaintsFlat
    ) -> None:
        images(edit(painter, extra_body=None))
        assert pipeline.painted[0].strength == 0.75

    def test_takes_a_list_of_one(self, painter: OpenAI, pipeline: PaintsFlat) -> None:
        edit(painter, image=[PICTURE], n=2, size="256x256", output_format="webp")
        assert [request.seed for request in pipeline.painted] == [42, 43]
        assert pipeline.painted[0].width == 256

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("image", [PICTURE, PICTURE]),
            ("image", ("x.gif", b"GIF89a", "image/gif")),
            ("mask", PICTURE),
            ("size", "1024x1024"),
            ("input_fidelity", "high"),
            ("n", 11),
        ],
    )
    def test_refuses_what_it_cannot_do(
        self, openai_client: OpenAI, redis: Redis, field: str, value: object
    ) -> None:
        with pytest.raises(openai.BadRequestError) as refused:
            edit(openai_client, **{field: value})
        assert field in str(refused.value)
        assert not job_ids(redis)

    def test_knows_no_stream_of_them(self, openai_client: OpenAI) -> None:
        with pytest.raises(openai.BadRequestError, match="stream"):
            edit(openai_client, stream=True)

    def test_names_a_mask_of_another_shape(self, openai_client: OpenAI) -> None:
        mask = encoded(Image.new("RGBA", (64, 64), (0, 0, 0, 0)))
        with pytest.raises(openai.BadRequestError, match="is not the shape of init_image"):
            edit(openai_client, mask=mask)
