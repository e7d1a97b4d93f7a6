import json
import math

import pytest
from pydantic import ValidationError

from shared.generation import GenerationDefaults, GenerationRequest, Scheduler
from tests.support.builders import make_request

LIMITS = [
    ("num_inference_steps", 5, 60, 1),
    ("guidance_scale", 1.0, 12.0, 0.001),
    ("height", 256, 768, 8),
    ("width", 256, 768, 8),
    ("seed", 0, 2**32 - 1, 1),
]
REFERENCE = "sha256:" + "a" * 64
NUMBERS = [name for name, *_ in LIMITS]
INTEGERS = [name for name in NUMBERS if name != "guidance_scale"]


def refusal_of(field: str, value: object) -> tuple[object, ...]:
    """Give where the request is refused for the value, checked to be the only complaint."""
    with pytest.raises(ValidationError) as refused:
        make_request(**{field: value})
    (complaint,) = refused.value.errors()
    return complaint["loc"]


class TestLimits:
    @pytest.mark.parametrize(
        ("field", "value"), [(n, v) for n, low, high, _ in LIMITS for v in (low, high)]
    )
    def test_takes_the_ends_of_the_range(self, field: str, value: float) -> None:
        assert getattr(make_request(**{field: value}), field) == value

    @pytest.mark.parametrize(
        ("field", "value"), [(n, v) for n, low, high, d in LIMITS for v in (low - d, high + d)]
    )
    def test_refuses_what_is_just_outside(self, field: str, value: float) -> None:
        assert refusal_of(field, value) == (field,)

    @pytest.mark.parametrize("field", ["height", "width"])
    @pytest.mark.parametrize("pixels", [257, 260, 511, 767])
    def test_refuses_sizes_that_are_no_multiple_of_8(self, field: str, pixels: int) -> None:
        assert refusal_of(field, pixels) == (field,)

    @pytest.mark.parametrize("field", ["prompt", "negative_prompt"])
    def test_takes_a_thousand_characters(self, field: str) -> None:
        assert getattr(make_request(**{field: "é" * 1000}), field) == "é" * 1000

    @pytest.mark.parametrize("field", ["prompt", "negative_prompt"])
    def test_refuses_one_character_more(self, field: str) -> None:
        assert refusal_of(field, "é" * 1001) == (field,)

    @pytest.mark.parametrize("blank", ["", " ", "\t\r\n", "\u00a0\u2003"])
    def test_refuses_a_blank_prompt(self, blank: str) -> None:
        assert refusal_of("prompt", blank) == ("prompt",)

    @pytest.mark.parametrize("prompt", ["x", "  a cat  ", "ネコ", "\U0001f431"])
    def test_keeps_a_prompt_as_it_was_written(self, prompt: str) -> None:
        assert make_request(prompt=prompt).prompt == prompt

    @pytest.mark.parametrize("nothing", [None, "", "  "])
    def test_takes_a_negative_prompt_that_says_nothing(self, nothing: str | None) -> None:
        assert make_request(negative_prompt=nothing).negative_prompt == nothing

    @pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
    def test_refuses_a_guidance_scale_that_is_not_finite(self, number: float) -> None:
        assert refusal_of("guidance_scale", number) == ("guidance_scale",)

    @pytest.mark.parametrize("field", NUMBERS)
    @pytest.mark.parametrize("sign", [1, -1])
    def test_refuses_huge_integers(self, field: str, sign: int) -> None:
        assert refusal_of(field, sign * 10**400) == (field,)


class TestTypes:
    @pytest.mark.parametrize("field", NUMBERS)
    @pytest.mark.parametrize("value", ["28", "", True, False, [28], {"value": 28}])
    def test_refuses_what_only_looks_like_a_number(self, field: str, value: object) -> None:
        assert refusal_of(field, value) == (field,)

    @pytest.mark.parametrize("field", INTEGERS)
    def test_refuses_a_fraction_for_an_integer(self, field: str) -> None:
        assert refusal_of(field, 512.5) == (field,)

    @pytest.mark.parametrize("field", INTEGERS)
    def test_takes_a_whole_number_that_is_written_as_a_fraction(self, field: str) -> None:
        least = getattr(make_request(), field)
        request = GenerationRequest.model_validate_json(
            f'{{"prompt": "a cat", "{field}": {least}.0}}'
        )
        assert getattr(request, field) == least
        assert isinstance(getattr(request, field), int)

    @pytest.mark.parametrize("field", [name for name in NUMBERS if name != "seed"])
    def test_refuses_null_where_a_default_exists(self, field: str) -> None:
        assert refusal_of(field, None) == (field,)

    def test_takes_an_integer_as_guidance_scale(self) -> None:
        assert make_request(guidance_scale=7).guidance_scale == 7.0

    @pytest.mark.parametrize("field", ["prompt", "negative_prompt"])
    @pytest.mark.parametrize("value", [1, 1.5, True, ["a cat"], {"text": "a cat"}, b"\xff"])
    def test_refuses_prompts_that_are_not_text(self, field: str, value: object) -> None:
        assert refusal_of(field, value) == (field,)

    @pytest.mark.parametrize("field", ["prompt", "negative_prompt"])
    def test_refuses_half_a_surrogate_pair(self, field: str) -> None:
        assert refusal_of(field, "a cat \ud83d") == (field,)

    @pytest.mark.parametrize("value", [0, 1, "false", None])
    def test_refuses_what_only_looks_like_a_switch(self, value: object) -> None:
        assert refusal_of("embed_metadata", value) == ("embed_metadata",)

    @pytest.mark.parametrize("name", ["dpmsolver++", "euler_ancestral"])
    def test_takes_each_scheduler_by_its_name(self, name: str) -> None:
        assert make_request(scheduler=name).scheduler == name

    @pytest.mark.parametrize("name", ["DPMSolver++", "EulerAncestral", "DDIM", "plms", "", 1, None])
    def test_refuses_other_schedulers(self, name: object) -> None:
        assert refusal_of("scheduler", name) == ("scheduler",)


class TestFields:
    def test_has_the_defaults_of_the_contract(self) -> None:
        assert GenerationRequest(prompt="a cat").model_dump(mode="json") == {
            "prompt": "a cat",
            "negative_prompt": None,
            "num_inference_steps": 28,
            "guidance_scale": 7.0,
            "height": 512,
            "width": 512,
            "seed": None,
            "scheduler": "dpmsolver++",
            "embed_metadata": True,
            "loras": [],
            "init_image": None,
            "strength": None,
            "mask": None,
            "model": None,
        }

    def test_needs_a_prompt(self) -> None:
        with pytest.raises(ValidationError, match="prompt"):
            GenerationRequest.model_validate({"seed": 1})

    @pytest.mark.parametrize("field", ["steps", "Prompt", "num_images", "", "prompt "])
    def test_refuses_unknown_fields(self, field: str) -> None:
        assert refusal_of(field, 1) == (field,)

    def test_does_not_change(self) -> None:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(make_request(), "seed", 1)  # noqa: B010  # mypy refuses the plain form too.

    def test_survives_a_way_through_json(self) -> None:
        request = make_request(prompt="ネコ \U0001f431", guidance_scale=7.1)
        assert GenerationRequest.model_validate_json(request.model_dump_json()) == request

    def test_names_every_field_in_its_schema(self) -> None:
        properties = GenerationRequest.model_json_schema()["properties"]
        described = {name for name, schema in properties.items() if schema.get("description")}
        assert described == set(GenerationRequest.model_fields)

    def test_shows_examples_that_are_valid(self) -> None:
        examples = GenerationRequest.model_json_schema()["examples"]
        assert [GenerationRequest.model_validate(example) for example in examples]


class TestFilled:
    DEFAULTS = GenerationDefaults(
        num_inference_steps=10,
        guidance_scale=3.5,
        height=256,
        width=320,
        scheduler=Scheduler.EULER_ANCESTRAL,
    )

    def test_puts_the_defaults_where_the_client_said_nothing(self) -> None:
        filled = GenerationRequest(prompt="a cat").filled(self.DEFAULTS, seed=99)
        assert filled == GenerationRequest(
            prompt="a cat",
            num_inference_steps=10,
            guidance_scale=3.5,
            height=256,
            width=320,
            seed=99,
            scheduler=Scheduler.EULER_ANCESTRAL,
        )

    def test_keeps_everything_that_the_client_said(self) -> None:
        request = make_request(seed=7)
        assert request.filled(self.DEFAULTS, seed=99) == request

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("num_inference_steps", 28),
            ("guidance_scale", 7.0),
            ("height", 512),
            ("width", 512),
            ("scheduler", "dpmsolver++"),
        ],
    )
    def test_keeps_a_value_that_happens_to_be_the_codes_default(
        self, field: str, value: object
    ) -> None:
        body = json.dumps({"prompt": "a cat", field: value})
        request = GenerationRequest.model_validate_json(body)
        assert getattr(request.filled(self.DEFAULTS, seed=99), field) == value

    def test_keeps_a_seed_of_zero(self) -> None:
        assert make_request(seed=0).filled(self.DEFAULTS, seed=99).seed == 0

    def test_draws_for_a_seed_of_null(self) -> None:
        assert make_request(seed=None).filled(self.DEFAULTS, seed=99).seed == 99

    def test_changes_nothing_the_second_time(self) -> None:
        once = GenerationRequest(prompt="a cat").filled(self.DEFAULTS, seed=99)
        assert once.filled(GenerationDefaults(), seed=1) == once


class TestStartingPicture:
    @pytest.mark.parametrize(("field", "value"), [("strength", 0.5), ("mask", REFERENCE)])
    def test_is_needed_by_what_belongs_to_it(self, field: str, value: object) -> None:
        assert refusal_of(field, value) == (field,)

    @pytest.mark.parametrize(
        "value", ["", "cat.png", REFERENCE[:-1], REFERENCE.upper(), REFERENCE + "\n", 5]
    )
    def test_is_a_reference(self, value: object) -> None:
        assert refusal_of("init_image", value) == ("init_image",)

    @pytest.mark.parametrize("strength", [0, -1, 1.01, math.nan, "0.5", True])
    def test_has_a_strength_above_0_to_1(self, strength: object) -> None:
        with pytest.raises(ValidationError) as refused:
            make_request(init_image=REFERENCE, strength=strength)
        assert [item["loc"] for item in refused.value.errors()] == [("strength",)]

    def test_gets_the_usual_strength(self) -> None:
        filled = make_request(init_image=REFERENCE).filled(GenerationDefaults(), seed=1)
        assert filled.strength == 0.75
        assert make_request().filled(GenerationDefaults(), seed=1).strength is None

    @pytest.mark.parametrize(
        ("steps", "strength", "run"),
        [(28, None, 28), (28, 0.75, 21), (28, 1.0, 28), (28, 0.01, 1), (5, 0.99, 4), (10, 0.6, 6)],
    )
    def test_says_how_many_steps_are_run(
        self, steps: int, strength: float | None, run: int
    ) -> None:
        init_image = REFERENCE if strength else None
        request = make_request(num_inference_steps=steps, init_image=init_image, strength=strength)
        assert request.steps_run == run

    def test_is_none_in_requests_that_were_written_before_there_were_any(self) -> None:
        old = make_request().model_dump_json(exclude={"init_image", "strength", "mask"})
        assert GenerationRequest.model_validate_json(old) == make_request()

    def test_may_be_null_everywhere(self) -> None:
        written = make_request().model_dump_json()
        assert GenerationRequest.model_validate_json(written) == make_request()
