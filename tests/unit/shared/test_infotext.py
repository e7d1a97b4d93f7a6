import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.generation import GenerationRequest
from shared.infotext import Infotext, write_infotext
from shared.lora_tags import write_tags
from tests.support.builders import BUILD, make_request
from tests.support.requests import ANY_TEXT, requests

PROGRAM = "Program 1.0"
PARAMETERS = "Steps: 28, Sampler: Euler a, CFG scale: 7"


def written(**fields: object) -> str:
    return write_infotext(make_request(**fields), BUILD, PROGRAM)


class TestWriting:
    def test_is_in_the_form_of_a1111(self) -> None:
        assert written(negative_prompt="dog, tree", num_inference_steps=28, width=512) == (
            "a red apple on a white table\n"
            "Negative prompt: dog, tree\n"
            "Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 42, "
            "Size: 512x256, Model: demo, RNG: CPU, Version: Program 1.0"
        )

    @pytest.mark.parametrize("negative_prompt", [None, ""])
    def test_has_no_line_for_a_negative_prompt_that_is_not_there(
        self, negative_prompt: str | None
    ) -> None:
        lines = written(negative_prompt=negative_prompt).split("\n")
        assert [line.partition(":")[0] for line in lines] == [
            "a red apple on a white table",
            "Steps",
        ]

    def test_names_the_other_sampler(self) -> None:
        assert "Sampler: Euler a, Schedule type: Automatic," in written(scheduler="euler_ancestral")

    @pytest.mark.parametrize(
        ("scheduler", "words"),
        [
            ("heun", "Sampler: Heun, Schedule type: Automatic,"),
            ("dpmsolver++_sde", "Sampler: DPM++ 2M SDE, Schedule type: Karras,"),
        ],
    )
    def test_names_each_sampler_with_the_noise_levels_that_it_takes(
        self, scheduler: str, words: str
    ) -> None:
        assert words in written(scheduler=scheduler)

    def test_names_the_plain_schedule(self) -> None:
        build = BUILD.model_copy(update={"use_karras_sigmas": False})
        text = write_infotext(make_request(), build, PROGRAM)
        assert "Sampler: DPM++ 2M, Schedule type: Uniform," in text

    @pytest.mark.parametrize(("number", "text"), [(7.0, "7"), (7.5, "7.5"), (1.1, "1.1")])
    def test_writes_numbers_short(self, number: float, text: str) -> None:
        assert f"CFG scale: {text}, " in written(guidance_scale=number)

    @pytest.mark.parametrize(
        ("model", "text"),
        [
            ("org/model", "Model: org/model,"),
            ("a, b: c", 'Model: "a, b: c",'),
            ('a "b"', r'Model: "a \"b\"",'),
            ("ネコ, 2", 'Model: "ネコ, 2",'),
        ],
    )
    def test_quotes_what_would_not_be_read_back(self, model: str, text: str) -> None:
        build = BUILD.model_copy(update={"model": model})
        assert text in write_infotext(make_request(), build, PROGRAM)


class TestParsing:
    def test_splits_prompts_and_parameters(self) -> None:
        text = f"two\nlines\nNegative prompt: more\nlines: 2\n{PARAMETERS}"
        assert Infotext.parse(text) == Infotext(
            prompt="two\nlines",
            negative_prompt="more\nlines: 2",
            parameters={"Steps": "28", "Sampler": "Euler a", "CFG scale": "7"},
        )

    @pytest.mark.parametrize(
        ("line", "parameters"),
        [
            ('Model: "a, b: \\"c\\"", Steps: 1, Seed: 2', {"Model": 'a, b: "c"'}),
            ('Model: "not closed, Steps: 1, Seed: 2', {"Model": '"not closed'}),
            ('Model: "\\x", Steps: 1, Seed: 2', {"Model": '"\\x"'}),
            ("Model: , Steps: 1, Seed: 2", {"Model": ""}),
            ("Model:demo,Steps:1,Seed:2", {"Model": "demo"}),
            ("  Model:  demo  ,  Steps: 1, Seed: 2  ", {"Model": "demo"}),
            ("Model: a, Model: b, Steps: 1, Seed: 2", {"Model": "b"}),
            ('Hashes: {"vae": "x"}, Steps: 1, Seed: 2', {"Hashes": '{"vae": "x"}'}),
        ],
    )
    def test_reads_values_as_a1111_does(self, line: str, parameters: dict[str, str]) -> None:
        found = Infotext.parse(f"a cat\n{line}").parameters
        assert found == {**parameters, "Steps": "1", "Seed": "2"}

    def test_takes_a_last_line_of_fewer_than_three_parameters_for_the_prompt(self) -> None:
        text = "a cat\nstyle: oil, mood: calm"
        assert Infotext.parse(text) == Infotext(text, None, {})

    def test_reads_parameters_without_prompts(self) -> None:
        assert Infotext.parse(PARAMETERS).prompt == ""

    def test_reads_a_negative_prompt_without_a_prompt(self) -> None:
        found = Infotext.parse(f"Negative prompt: dog\n{PARAMETERS}")
        assert (found.prompt, found.negative_prompt) == ("", "dog")

    @pytest.mark.parametrize("text", ["", "\n", " \n \n", "a cat\n", "Negative prompt:"])
    def test_reads_next_to_nothing(self, text: str) -> None:
        assert Infotext.parse(text).parameters == {}

    def test_cannot_tell_a_prompts_own_line_from_the_negative_prompt_as_a1111_cannot(self) -> None:
        found = Infotext.parse(written(prompt="a cat\nNegative prompt: dog"))
        assert (found.prompt, found.negative_prompt) == ("a cat", "dog")

    @settings(deadline=None)
    @given(text=ANY_TEXT, line=st.text(alphabet='ab: ,"\\\n-/1', max_size=200))
    def test_takes_any_text(self, text: str, line: str) -> None:
        Infotext.parse(f"{text}\n{line}")


class TestRoundTrip:
    @settings(deadline=None)
    @given(request=requests())
    def test_keeps_prompts_to_the_last_character(self, request: GenerationRequest) -> None:
        found = Infotext.parse(write_infotext(request, BUILD, PROGRAM))
        assert found.prompt == write_tags(request.prompt, request.loras)
        assert found.negative_prompt == (request.negative_prompt or None)

    @settings(deadline=None)
    @given(model=st.text(alphabet=st.characters(exclude_categories=["Cs"])).map(str.strip))
    def test_keeps_any_name_of_a_model(self, model: str) -> None:
        build = BUILD.model_copy(update={"model": model})
        found = Infotext.parse(write_infotext(make_request(), build, PROGRAM))
        assert found.parameters["Model"] == model
        assert found.parameters["Version"] == PROGRAM


@pytest.mark.parametrize(("strength", "text"), [(0.75, "0.75"), (1.0, "1")])
def test_says_how_much_of_a_picture_was_painted_anew(strength: float, text: str) -> None:
    words = written(init_image="sha256:" + "a" * 64, strength=strength)
    assert f"Size: 256x256, Denoising strength: {text}, Model: demo" in words
