from typing import Any

import pytest

from api.errors import InvalidRequest
from api.sdapi.request import Txt2ImgRequest
from api.sdapi.samplers import SamplerNames
from api.sdapi.translation import Translator
from shared.generation import GenerationRequest, Scheduler
from shared.prompt_rules import PromptSyntax
from tests.support.refusals import fields_of

DRAWN = 1234


def translate(
    *, has_karras: bool = True, default: Scheduler = Scheduler.DPM_SOLVER_PP, **fields: object
) -> list[GenerationRequest]:
    translator = Translator(
        SamplerNames(has_karras=has_karras),
        default_scheduler=default,
        prompt_syntax=PromptSyntax.A1111,
        models={"demo": "demo", "also": "demo"},
        limit=100,
        draw=lambda below: min(DRAWN, below),
    )
    return translator.translate(Txt2ImgRequest.model_validate({"prompt": "a", **fields}))


def named(**fields: Any) -> list[str]:  # noqa: ANN401  # Whatever a client sends.
    """Give the fields that a refusal names."""
    with pytest.raises(InvalidRequest) as refused:
        translate(**fields)
    return fields_of(refused.value)


class TestFields:
    def test_become_ours(self) -> None:
        (request,) = translate(
            prompt="a",
            negative_prompt="b",
            steps="20",
            cfg_scale=6,
            width=256.0,
            height=768,
            seed=7,
            sampler_name="Euler a",
        )
        assert request == GenerationRequest(
            prompt="a",
            negative_prompt="b",
            num_inference_steps=20,
            guidance_scale=6.0,
            width=256,
            height=768,
            seed=7,
            scheduler=Scheduler.EULER_ANCESTRAL,
        )

    def test_that_are_left_out_are_left_to_the_installation(self) -> None:
        (request,) = translate()
        left = {"num_inference_steps", "guidance_scale", "width", "height"}
        assert not left & request.model_fields_set

    def test_an_empty_negative_prompt_is_none(self) -> None:
        assert translate(negative_prompt="")[0].negative_prompt is None


class TestSeeds:
    @pytest.mark.parametrize("seed", [-1, None])
    def test_are_drawn_in_a_row(self, seed: int | None) -> None:
        seeds = [request.seed for request in translate(seed=seed, n_iter=3)]
        assert seeds == [DRAWN, DRAWN + 1, DRAWN + 2]

    def test_are_never_drawn_so_high_that_the_last_is_none(self) -> None:
        asked: list[int] = []

        def draw(below: int) -> int:
            asked.append(below)
            return below - 1

        translator = Translator(
            SamplerNames(has_karras=True),
            default_scheduler=Scheduler.DPM_SOLVER_PP,
            prompt_syntax=PromptSyntax.A1111,
            models={},
            limit=100,
            draw=draw,
        )
        requests = translator.translate(Txt2ImgRequest(prompt="a", n_iter=3))
        assert requests[-1].seed == 2**32 - 1

    def test_are_counted_on_through_all_batches(self) -> None:
        seeds = [request.seed for request in translate(seed=5, batch_size=2, n_iter=2)]
        assert seeds == [5, 6, 7, 8]


class TestSampler:
    @pytest.mark.parametrize(
        ("fields", "scheduler"),
        [
            ({"sampler_name": "DPM++ 2M"}, Scheduler.DPM_SOLVER_PP),
            ({"sampler_name": "dpm++ 2m karras"}, Scheduler.DPM_SOLVER_PP),
            ({"sampler_name": "DPM++ 2M", "scheduler": "karras"}, Scheduler.DPM_SOLVER_PP),
            ({"sampler_name": "k_dpmpp_2m", "scheduler": ""}, Scheduler.DPM_SOLVER_PP),
            ({"sampler_name": "Euler a", "scheduler": "Automatic"}, Scheduler.EULER_ANCESTRAL),
            ({"sampler_name": "euler A", "scheduler": "Uniform"}, Scheduler.EULER_ANCESTRAL),
            ({"sampler_index": "Euler a"}, Scheduler.EULER_ANCESTRAL),
            ({"sampler_name": "DPM++ 2M", "sampler_index": "Heun"}, Scheduler.DPM_SOLVER_PP),
            ({"sampler_name": "DPM++ 2M", "eta": 0}, Scheduler.DPM_SOLVER_PP),
            ({"sampler_name": "Euler a", "eta": 1}, Scheduler.EULER_ANCESTRAL),
            ({"sampler_name": "DPM++ 2M SDE Karras", "eta": 1}, Scheduler.DPM_SOLVER_PP_SDE),
            ({"sampler_name": "Heun"}, Scheduler.HEUN),
            ({"sampler_name": "DDIM", "eta": 0}, Scheduler.DDIM),
            ({"default": Scheduler.EULER_ANCESTRAL}, Scheduler.EULER_ANCESTRAL),
            (
                {"has_karras": False, "sampler_name": "DPM++ 2M", "scheduler": "Uniform"},
                Scheduler.DPM_SOLVER_PP,
            ),
        ],
    )
    def test_is_found_by_its_names(self, fields: dict[str, Any], scheduler: Scheduler) -> None:
        assert translate(**fields)[0].scheduler is scheduler

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"sampler_name": "DPM++ SDE"}, "sampler_name"),
            ({"sampler_index": "PLMS"}, "sampler_index"),
            ({"sampler_name": "Euler", "scheduler": "Karras"}, "scheduler"),
            ({"sampler_name": "DDIM", "eta": 1}, "eta"),
            ({"sampler_name": "Euler a Karras"}, "sampler_name"),
            ({"sampler_name": "DPM++ 2M", "scheduler": "Uniform"}, "scheduler"),
            ({"sampler_name": "Euler a", "scheduler": "Karras"}, "scheduler"),
            ({"has_karras": False, "scheduler": "Karras"}, "scheduler"),
            ({"has_karras": False, "sampler_name": "DPM++ 2M Karras"}, "sampler_name"),
            ({"sampler_name": "Euler a", "eta": 0.5}, "eta"),
        ],
    )
    def test_is_refused_where_another_would_be_taken(
        self, fields: dict[str, Any], field: str
    ) -> None:
        assert named(**fields) == [field]


class TestRefusal:
    def test_names_everything_that_is_wrong(self) -> None:
        wrong = {"n_iter": 10, "batch_size": 2, "sampler_name": "PLMS"}
        assert named(**wrong, override_settings={"eta_noise_seed_delta": 1}) == [
            "n_iter",
            "sampler_name",
            "override_settings",
        ]

    @pytest.mark.parametrize(
        "settings",
        [
            {"sd_model_checkpoint": "another"},
            {"sd_model_checkpoint": ["demo"]},
            {"CLIP_stop_at_last_layers": 2},
            {"sd_vae": "another.pt"},
        ],
    )
    def test_names_settings_that_are_otherwise(self, settings: dict[str, object]) -> None:
        assert named(override_settings=settings) == ["override_settings"]

    @pytest.mark.parametrize("name", ["demo", "also"])
    def test_takes_a_model_by_any_of_its_names(self, name: str) -> None:
        (request,) = translate(override_settings={"sd_model_checkpoint": name})
        assert request.model == "demo"

    @pytest.mark.parametrize(
        "settings",
        [
            None,
            {},
            {"sd_model_checkpoint": None},
            {"sd_model_checkpoint": ""},
            {"sd_vae": "Automatic"},
        ],
    )
    def test_leaves_settings_alone_that_are_so(self, settings: dict[str, object] | None) -> None:
        assert len(translate(override_settings=settings)) == 1

    @pytest.mark.parametrize(
        "prompt",
        ["a cat (sitting)", "((best)) cat", "a cat: red", "scale 1:2", "[a|b]", "a (16:9 photo)"],
    )
    def test_leaves_words_in_brackets_alone(self, prompt: str) -> None:
        assert translate(prompt=prompt)[0].prompt == prompt
