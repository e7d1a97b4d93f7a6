import pytest
from hypothesis import given, settings

from api.repainting import Repainting, repainting_of
from shared.generation import GenerationRequest
from shared.infotext import Infotext, write_infotext
from shared.prompt_rules import PromptSyntax
from tests.support.builders import BUILD
from tests.support.requests import requests

NO_FIELD = "a request has no such field"
UNKNOWN = "this service does not know it"
OTHER_NOISE = "The picture began with noise that was not drawn on a CPU, as it is here."


def lost(name: str, value: str, reason: str) -> str:
    return f"{name}: {value!r} is not carried over: {reason}."


def repaint(
    line: str,
    prompt: str = "a cat",
    *,
    use_karras_sigmas: bool = True,
    syntax: PromptSyntax = PromptSyntax.A1111,
) -> Repainting:
    """Repaint from a line of parameters, with the noise of a CPU."""
    infotext = Infotext.parse(f"{prompt}\n{line}, RNG: CPU")
    return repainting_of(infotext, use_karras_sigmas=use_karras_sigmas, prompt_syntax=syntax)


def fields_of(repainting: Repainting) -> dict[str, object]:
    assert repainting.request is not None
    return repainting.request.model_dump(mode="json", exclude_unset=True)


class TestOurOwnText:
    @settings(deadline=None)
    @given(request=requests())
    def test_comes_to_the_very_request(self, request: GenerationRequest) -> None:
        infotext = Infotext.parse(write_infotext(request, BUILD, "Program 1.0"))
        found = repainting_of(infotext, use_karras_sigmas=True, prompt_syntax=PromptSyntax.A1111)
        # An empty negative prompt paints what none does.
        negative = request.negative_prompt or None
        assert found.request == request.model_copy(update={"negative_prompt": negative})
        assert lost("Model", "demo", "it may have another name here") in found.notes

    @pytest.mark.parametrize("use_karras_sigmas", [True, False])
    def test_says_where_the_noise_levels_are_not_those_of_this_service(
        self, *, use_karras_sigmas: bool
    ) -> None:
        line = "Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, Seed: 1"
        notes = repaint(line, use_karras_sigmas=use_karras_sigmas).notes
        note = lost("Schedule type", "Karras", "this service paints with Uniform")
        assert notes == ([] if use_karras_sigmas else [note])


class TestTextOfOthers:
    @pytest.mark.parametrize(
        ("sampler", "scheduler"),
        [
            ("DPM++ 2M Karras", "dpmsolver++"),
            ("DPM++ 2M, Schedule type: Karras", "dpmsolver++"),
            ("DPM++ 2M, Schedule type: Automatic", "dpmsolver++"),
            ("dpmpp_2m_karras", "dpmsolver++"),
            ("Euler a", "euler_ancestral"),
            ("Euler a, Schedule type: Automatic", "euler_ancestral"),
            ("euler_ancestral", "euler_ancestral"),
            ("Heun, Schedule type: Automatic", "heun"),
            ("uni_pc", "unipc"),
            ("DPM++ 2M SDE Karras", "dpmsolver++_sde"),
        ],
    )
    def test_knows_the_samplers_by_their_old_and_new_names(
        self, sampler: str, scheduler: str
    ) -> None:
        found = repaint(f"Steps: 28, Sampler: {sampler}, Seed: 1")
        assert found.notes == []
        assert fields_of(found)["scheduler"] == scheduler

    @pytest.mark.parametrize(
        ("sampler", "wanted", "here"),
        [
            ("DPM++ 2M", "Uniform", "Karras"),
            ("DPM++ 2M, Schedule type: SGM Uniform", "SGM Uniform", "Karras"),
            ("DPM++ 2M Exponential", "Exponential", "Karras"),
            ("Euler a, Schedule type: Karras", "Karras", "Automatic"),
            ("DPM++ 2M SDE, Schedule type: Automatic", "Exponential", "Karras"),
        ],
    )
    def test_says_that_other_noise_levels_are_lost(
        self, sampler: str, wanted: str, here: str
    ) -> None:
        note = lost("Schedule type", wanted, f"this service paints with {here}")
        assert repaint(f"Steps: 28, Sampler: {sampler}, Seed: 1").notes == [note]

    @pytest.mark.parametrize(
        ("line", "note"),
        [
            ("Sampler: PLMS", lost("Sampler", "PLMS", UNKNOWN)),
            ("Size: huge", lost("Size", "huge", UNKNOWN)),
            ("Seed: one", lost("Seed", "one", UNKNOWN)),
            ("Seed: -1", lost("seed", "-1", "input should be greater than or equal to 0")),
            (
                "Seed: 4294967296",
                lost("seed", "4294967296", "input should be less than or equal to 4294967295"),
            ),
            (
                "Size: 1024x512",
                lost("width", "1024", "input should be less than or equal to 768"),
            ),
            ("Clip skip: 2", lost("Clip skip", "2", NO_FIELD)),
        ],
    )
    def test_says_what_is_lost_and_keeps_the_rest(self, line: str, note: str) -> None:
        found = repaint(f"Steps: 28, CFG scale: 7.5, {line}")
        assert found.notes == [note]
        fields = fields_of(found)
        assert (fields["num_inference_steps"], fields["guidance_scale"]) == (28, 7.5)

    def test_says_that_steps_are_whole(self) -> None:
        notes = repaint("Steps: 28.5, Seed: 1, CFG scale: 7").notes
        assert notes == [lost("num_inference_steps", "28.5", "input should be a valid integer")]

    def test_shortens_what_is_long(self) -> None:
        (note,) = repaint(f"Steps: 28, Seed: 1, VAE: {'x' * 500}").notes
        assert note == lost("VAE", "x" * 60 + "…", NO_FIELD)

    def test_leaves_out_what_is_not_said(self) -> None:
        found = repaint("Steps: 28, Seed: 1")
        assert fields_of(found) == {"prompt": "a cat", "num_inference_steps": 28, "seed": 1}

    def test_says_that_the_noise_was_another(self) -> None:
        infotext = Infotext.parse("a cat\nSteps: 28, Seed: 1, Size: 512x512")
        assert repainting_of(
            infotext, use_karras_sigmas=True, prompt_syntax=PromptSyntax.A1111
        ).notes == [OTHER_NOISE]

    @pytest.mark.parametrize(
        "prompt", ["(cat:1.2)", "((cat))", "a <lyco:x:1>", "a cat BREAK a dog", "[cat:dog:0.5]"]
    )
    def test_says_that_syntax_is_read_as_words_where_it_is(self, prompt: str) -> None:
        notes = repaint("Steps: 28, Seed: 1", prompt=prompt, syntax=PromptSyntax.PLAIN).notes
        assert notes == [
            "Weights, networks and breaks in the prompts are read as plain words here."
        ]

    @pytest.mark.parametrize(
        "prompt", ["a <lyco:x:1>", "[cat:dog:0.5]", "a [cat|dog]", "a cat AND a dog"]
    )
    def test_says_which_of_the_syntax_is_not_known_here(self, prompt: str) -> None:
        note = "Networks, AND, [a:b:0.5] and [a|b] in the prompts are read as plain words here."
        assert repaint("Steps: 28, Seed: 1", prompt=prompt).notes == [note]

    @pytest.mark.parametrize("prompt", ["(cat:1.2)", "((cat))", "[cat], a dog", "cat BREAK dog"])
    def test_says_nothing_of_the_syntax_that_is_known_here(self, prompt: str) -> None:
        assert repaint("Steps: 28, Seed: 1", prompt=prompt).notes == []

    @pytest.mark.parametrize("syntax", PromptSyntax)
    @pytest.mark.parametrize("prompt", ["a cat (old)", "at 12:30", "a [b] c", "BREAKFAST"])
    def test_says_nothing_of_syntax_where_there_is_none(
        self, prompt: str, syntax: PromptSyntax
    ) -> None:
        assert repaint("Steps: 28, Seed: 1", prompt=prompt, syntax=syntax).notes == []

    @pytest.mark.parametrize(
        ("prompt", "reason"),
        [
            ("", "string should have at least 1 character"),
            ("   ", "must contain something other than white space"),
            ("x" * 1001, "string should have at most 1000 characters"),
        ],
    )
    def test_has_no_request_without_a_prompt_that_one_can_have(
        self, prompt: str, reason: str
    ) -> None:
        found = repaint("Steps: 28, Seed: 1", prompt=prompt)
        assert found.request is None
        shown = prompt if len(prompt) <= 60 else "x" * 60 + "…"
        assert found.notes == [lost("prompt", shown, reason)]

    def test_takes_a_text_without_parameters_for_the_prompt(self) -> None:
        found = repainting_of(
            Infotext.parse("a cat\non a mat"),
            use_karras_sigmas=True,
            prompt_syntax=PromptSyntax.A1111,
        )
        assert fields_of(found) == {"prompt": "a cat\non a mat"}
        assert found.notes == [
            "There is no line of parameters, so all of the text is taken for prompts."
        ]
