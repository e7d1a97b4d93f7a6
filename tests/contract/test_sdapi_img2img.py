"""What tools of A1111 send to begin with a picture."""

import json
from typing import Any

import httpx
import pytest
from redis import Redis

from tests.contract.serving import working
from tests.support.input_pictures import encoded, half_and_half, in_base64, mask_of_left, opened
from tests.support.pipelines import PaintsFlat

MASK = in_base64(encoded(mask_of_left()))
REQUEST: dict[str, Any] = {
    "init_images": [in_base64(encoded(half_and_half()))],
    "prompt": "a green apple",
    "steps": 10,
    "seed": 42,
    "denoising_strength": 0.6,
}
# What the best-known client in Python sends beside what its user chose.
SENT_BY_WEBUIAPI: dict[str, Any] = {
    "resize_mode": 0,
    "image_cfg_scale": None,
    "mask_blur": 4,
    "inpainting_fill": 0,
    "inpaint_full_res": True,
    "inpaint_full_res_padding": 0,
    "inpainting_mask_invert": 0,
    "initial_noise_multiplier": 1,
    "styles": [],
    "subseed": -1,
    "batch_size": 1,
    "n_iter": 1,
    "eta": 1.0,
    "include_init_images": False,
    "script_name": None,
    "alwayson_scripts": {},
}


def post(client: httpx.Client, **fields: object) -> httpx.Response:
    return client.post("/sdapi/v1/img2img", json={**REQUEST, **fields})


def refused(response: httpx.Response) -> str:
    assert response.status_code == 422, response.text
    (item,) = response.json()["meta"]["errors"]
    return str(item["loc"][1])


class TestImg2Img:
    def test_paints_on_the_picture(self, client: httpx.Client, redis: Redis) -> None:
        pipeline = PaintsFlat()
        with working(redis, pipeline):
            answer = post(client, **SENT_BY_WEBUIAPI).json()
        (request,) = pipeline.painted
        assert (request.strength, request.width, request.height) == (0.6, 320, 256)
        (inputs,) = pipeline.painted_on
        assert inputs.init_image is not None
        assert opened(inputs.init_image).size == (320, 256)
        info = json.loads(answer["info"])
        assert (len(answer["images"]), info["denoising_strength"]) == (1, 0.6)
        assert "Denoising strength: 0.6" in info["infotexts"][0]
        assert answer["parameters"]["init_images"] is None

    def test_paints_several_on_the_same(self, client: httpx.Client, redis: Redis) -> None:
        pipeline = PaintsFlat()
        with working(redis, pipeline):
            post(client, batch_size=2, denoising_strength=None)
        assert [request.seed for request in pipeline.painted] == [42, 43]
        assert {request.strength for request in pipeline.painted} == {0.75}

    def test_paints_the_white_of_a_mask(self, client: httpx.Client, redis: Redis) -> None:
        pipeline = PaintsFlat()
        fields = {"mask": MASK, "mask_blur": 0, "inpainting_fill": 1, "inpaint_full_res": False}
        with working(redis, pipeline):
            assert post(client, **fields).status_code == 200
        (inputs,) = pipeline.painted_on
        assert inputs.mask is not None

    def test_crops_where_it_is_asked_to(self, client: httpx.Client, redis: Redis) -> None:
        with working(redis):
            response = post(client, resize_mode=1, width=512, height=512)
        assert response.status_code == 200

    def test_refuses_to_stretch(self, client: httpx.Client) -> None:
        assert refused(post(client, resize_mode=0, width=512, height=512)) == "resize_mode"
        assert refused(post(client, width=512, height=512)) == "resize_mode"

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("resize_mode", 2),
            ("latent_mask", "x"),
            ("initial_noise_multiplier", 1.2),
            ("denoising_strength", 0),
            ("enable_hr", True),
            ("mask", "%"),
            ("init_images", ["%"]),
        ],
    )
    def test_names_what_it_does_not_do(
        self, client: httpx.Client, field: str, value: object
    ) -> None:
        assert refused(post(client, **{field: value})) == field

    @pytest.mark.parametrize("pictures", [[], REQUEST["init_images"] * 2, None])
    def test_needs_one_picture(self, client: httpx.Client, pictures: object) -> None:
        assert refused(post(client, init_images=pictures)) == "init_images"

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("mask_blur", 4),
            ("inpainting_fill", 0),
            ("inpaint_full_res", True),
            ("inpainting_mask_invert", 1),
        ],
    )
    def test_names_what_it_does_not_do_with_a_mask(
        self, client: httpx.Client, field: str, value: object
    ) -> None:
        assert refused(post(client, mask=MASK, **{field: value})) == field
