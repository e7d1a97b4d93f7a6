from typing import Any

import pytest

from api.errors import InvalidRequest
from api.openai_images.request import ImagesRequest
from api.openai_images.translation import requests_of
from shared.generation import GenerationDefaults, GenerationRequest, Scheduler
from tests.support.refusals import fields_of

LIMIT = 100


def translate(limit: int = LIMIT, **fields: object) -> list[GenerationRequest]:
    return requests_of(ImagesRequest.model_validate({"prompt": "a", **fields}), limit=limit)


class TestRequestsOf:
    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({}, {"prompt": "a"}),
            ({"size": "auto"}, {"prompt": "a"}),
            ({"size": "256x768"}, {"prompt": "a", "width": 256, "height": 768}),
            ({"seed": 0}, {"prompt": "a", "seed": 0}),
            ({"negative_prompt": ""}, {"prompt": "a", "negative_prompt": ""}),
            ({"num_inference_steps": 9}, {"prompt": "a", "num_inference_steps": 9}),
            ({"guidance_scale": 2}, {"prompt": "a", "guidance_scale": 2.0}),
            (
                {"scheduler": "euler_ancestral"},
                {"prompt": "a", "scheduler": Scheduler.EULER_ANCESTRAL},
            ),
            ({"quality": "standard", "background": "opaque", "user": "u"}, {"prompt": "a"}),
            ({"moderation": "low", "output_compression": 100}, {"prompt": "a"}),
            ({"output_format": "webp", "output_compression": 0}, {"prompt": "a"}),
        ],
    )
    def test_gives_the_fields_that_are_ours(
        self, fields: dict[str, Any], expected: dict[str, Any]
    ) -> None:
        (request,) = translate(**fields)
        assert request.model_dump(exclude_unset=True) == expected

    def test_leaves_what_is_left_out_to_the_installations_defaults(self) -> None:
        (request,) = translate()
        defaults = GenerationDefaults(width=264, num_inference_steps=9)
        filled = request.filled(defaults, seed=1)
        assert (filled.width, filled.num_inference_steps, filled.seed) == (264, 9, 1)

    def test_gives_each_picture_the_next_seed(self) -> None:
        assert [request.seed for request in translate(n=3, seed=7)] == [7, 8, 9]

    def test_gives_no_seed_where_there_is_none_so_that_a_repeated_call_is_the_same(self) -> None:
        assert translate(n=2) == translate(n=2)
        assert [request.seed for request in translate(n=2)] == [None, None]

    def test_takes_the_highest_seed_for_the_last_picture(self) -> None:
        assert translate(n=2, seed=2**32 - 2)[-1].seed == 2**32 - 1

    @pytest.mark.parametrize(
        ("fields", "named"),
        [
            ({"n": 3, "limit": 2}, ["n"]),
            ({"n": 2, "seed": 2**32 - 1}, ["seed"]),
            ({"output_compression": 99}, ["output_compression"]),
            ({"output_format": "jpeg", "response_format": "url"}, ["output_format"]),
            ({"partial_images": 1}, ["partial_images"]),
            ({"stream": True, "n": 2}, ["n"]),
            ({"stream": True, "response_format": "url"}, ["response_format"]),
            ({"n": 3, "limit": 2, "partial_images": 1}, ["n", "partial_images"]),
        ],
    )
    def test_names_every_field_that_does_not_go_with_the_others(
        self, fields: dict[str, Any], named: list[str]
    ) -> None:
        with pytest.raises(InvalidRequest) as refused:
            translate(**fields)
        assert fields_of(refused.value) == named
