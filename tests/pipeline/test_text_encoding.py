"""How prompts reach the bundled model, and what weights and length change."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from transformers import CLIPTokenizer

from shared.job_parts import FailureType
from shared.prompt_reader import PromptReader
from shared.prompt_rules import PromptPolicy, PromptSyntax
from shared.prompt_tokenizer import PromptTokenizer
from shared.settings import Settings
from tests.pipeline.conftest import no_loras, small_request
from tests.support.tokenizers import make_tokenizer
from worker.loading import load_pipeline
from worker.model import Model
from worker.painting import PaintingFailed
from worker.pipeline import DiffusersPipeline
from worker.text_cache import TextCache
from worker.text_encoding import EncodedText, encode_text, tokenizer_of

TEXTS = [
    "a red apple on a white table",
    "",
    "  A RED   apple,\n\ton a table ",
    "it's 12:30, don't!",
    "😀 日本の猫 naïve e\u0301",
    "cat " * 75,
    "<|endoftext|> cat <|startoftext|>",
]
TOLD = [
    *TEXTS,
    "(red:1.4) apple",
    "a [cat] BREAK a dog",
    "cat " * 200,
    r"\(cat\)",
    "((cat",
    "😀" * 90,
]

Encode = Callable[..., EncodedText]


@pytest.fixture(scope="session")
def loaded(pipeline: DiffusersPipeline) -> Model:
    return pipeline._model  # noqa: SLF001  # What it is made of is what is tested here.


@pytest.fixture
def encode(loaded: Model) -> Encode:
    """Encode a request's prompts, read by the model's own rules or by others."""

    @torch.inference_mode()
    def encode_one(
        policy: PromptPolicy = PromptPolicy.CHUNK,
        syntax: PromptSyntax = PromptSyntax.A1111,
        pipeline: StableDiffusionPipeline = loaded.pipeline,
        **fields: object,
    ) -> EncodedText:
        reader = PromptReader(tokenizer_of(pipeline), policy, syntax)
        return encode_text(pipeline, small_request(**fields), reader, TextCache())

    return encode_one


@torch.inference_mode()
def encoded_by_diffusers(
    pipeline: StableDiffusionPipeline, prompt: str, negative: str
) -> list[torch.Tensor]:
    return list(
        pipeline.encode_prompt(
            prompt,
            "cpu",
            num_images_per_prompt=1,
            do_classifier_free_guidance=True,
            negative_prompt=negative,
        )
    )


def padded_as_sd_2(pipeline: StableDiffusionPipeline, folder: Path) -> StableDiffusionPipeline:
    """Give the pipeline with a tokenizer that pads with `!`, as that of SD 2 does."""
    pipeline.tokenizer.save_pretrained(folder)
    tokenizer = CLIPTokenizer.from_pretrained(folder, pad_token="!")
    components = {**pipeline.components, "tokenizer": tokenizer}
    return StableDiffusionPipeline(**components, requires_safety_checker=False)


class TestShortPrompt:
    @pytest.mark.parametrize("text", TEXTS)
    def test_gives_what_diffusers_gives_to_the_bit(
        self, encode: Encode, loaded: Model, text: str
    ) -> None:
        prompt = text if text.strip() else "a cat"
        found = encode(prompt=prompt, negative_prompt=text)
        expected, negative = encoded_by_diffusers(loaded.pipeline, prompt, text)
        assert found.negative is not None
        assert torch.equal(found.prompt, expected)
        assert torch.equal(found.negative, negative)

    def test_gives_it_too_where_the_tokenizer_pads_otherwise(
        self, encode: Encode, loaded: Model, tmp_path: Path
    ) -> None:
        pipeline = padded_as_sd_2(loaded.pipeline, tmp_path)
        assert pipeline.tokenizer.pad_token_id == 0
        found = encode(pipeline=pipeline, prompt="a red apple", negative_prompt="blue")
        expected, _ = encoded_by_diffusers(pipeline, "a red apple", "blue")
        assert torch.equal(found.prompt, expected)
        assert not torch.equal(found.prompt, encode(prompt="a red apple").prompt)

    def test_has_no_negative_one_without_guidance(self, encode: Encode) -> None:
        found = encode(guidance_scale=1.0, negative_prompt="cat " * 80)
        assert (found.negative, found.prompt.shape[1]) == (None, 77)

    @pytest.mark.parametrize("prompt", ["(a red apple:1.0)", "([a red apple])"])
    def test_is_the_same_with_weights_of_one(self, encode: Encode, prompt: str) -> None:
        assert torch.equal(encode(prompt=prompt).prompt, encode(prompt="a red apple").prompt)


class TestLongPrompt:
    def test_is_encoded_chunk_by_chunk(self, encode: Encode, loaded: Model) -> None:
        found = encode(prompt="cat " * 75 + "red apple")
        first, _ = encoded_by_diffusers(loaded.pipeline, "cat " * 75, "")
        second, empty = encoded_by_diffusers(loaded.pipeline, "red apple", "")
        assert torch.equal(found.prompt, torch.cat([first, second], dim=1))
        # The shorter of the two is filled up with empty chunks.
        assert found.negative is not None
        assert torch.equal(found.negative, torch.cat([empty, empty], dim=1))

    def test_is_truncated_as_diffusers_does(self, encode: Encode, loaded: Model) -> None:
        long = "cat " * 74 + "red Apple on a table"
        found = encode(PromptPolicy.TRUNCATE, prompt=long, negative_prompt=long)
        expected, negative = encoded_by_diffusers(loaded.pipeline, long, long)
        assert found.negative is not None
        assert torch.equal(found.prompt, expected)
        assert torch.equal(found.negative, negative)
        assert found.account.dropped_text == "Apple on a table"
        assert found.account.dropped_negative_text == "Apple on a table"

    @pytest.mark.parametrize(
        ("field", "name"), [("prompt", "prompt"), ("negative_prompt", "negative prompt")]
    )
    def test_is_refused_where_the_policy_says_so(
        self, encode: Encode, field: str, name: str
    ) -> None:
        with pytest.raises(PaintingFailed) as refused:
            encode(PromptPolicy.ERROR, **{field: "cat " * 80})
        failure = refused.value.failure
        assert failure.type is FailureType.PROMPT_TOO_LONG
        assert failure.detail == f"The {name} has 80 tokens, and the model reads 75."


class TestWeights:
    def test_scale_their_words_and_keep_the_mean(self, encode: Encode) -> None:
        plain = encode(prompt="a red apple").prompt
        weighted = encode(prompt="a (red:1.5) apple").prompt
        scales = (weighted / plain).median(dim=2).values[0]
        assert float(scales[2] / scales[1]) == pytest.approx(1.5, rel=1e-4)
        assert float(weighted.mean()) == pytest.approx(float(plain.mean()), rel=1e-3)

    @pytest.mark.parametrize(
        "prompt", ["(cat:0)", "(cat:10)", "(cat:-10)", "(" * 300 + "cat", "(cat " * 90]
    )
    def test_never_leave_the_finite_numbers(self, encode: Encode, prompt: str) -> None:
        found = encode(prompt=prompt).prompt
        assert torch.isfinite(found).all()
        assert torch.isfinite(found.half()).all()

    def test_are_words_in_plain_syntax(self, encode: Encode, loaded: Model) -> None:
        found = encode(syntax=PromptSyntax.PLAIN, prompt="(red:1.4) apple")
        expected, _ = encoded_by_diffusers(loaded.pipeline, "(red:1.4) apple", "")
        assert torch.equal(found.prompt, expected)


class TestCounting:
    @pytest.mark.parametrize("policy", PromptPolicy)
    @pytest.mark.parametrize("syntax", PromptSyntax)
    @pytest.mark.parametrize("prompt", TOLD)
    def test_without_the_model_gives_what_the_model_reads(
        self, loaded: Model, policy: PromptPolicy, syntax: PromptSyntax, prompt: str
    ) -> None:
        own = tokenizer_of(loaded.pipeline)
        published = PromptTokenizer(own.definition, chunk_tokens=75)
        assert PromptReader(published, policy, syntax).read(prompt) == PromptReader(
            own, policy, syntax
        ).read(prompt)

    @pytest.mark.parametrize("prompt", TOLD)
    def test_splits_text_as_transformers_does(self, loaded: Model, prompt: str) -> None:
        theirs = loaded.pipeline.tokenizer(prompt, add_special_tokens=False, verbose=False)
        assert [token.id for token in make_tokenizer().split(prompt)] == theirs.input_ids

    def test_is_published_while_the_model_loads(self) -> None:
        published: list[PromptTokenizer] = []
        settings = Settings(device="cpu", prompt_policy=PromptPolicy.ERROR, _env_file=None)
        build = load_pipeline(settings, publish=published.append).build
        assert [tokenizer.id for tokenizer in published] == [build.tokenizer]
        assert (build.prompt_policy, build.prompt_syntax) == ("error", "a1111")
        assert build.chunk_tokens == 75


Paint = Callable[..., np.ndarray]


@pytest.fixture
def paint(loaded: Model) -> Paint:
    """Give the colours of a picture's corner and of its middle, 0 to 255."""

    def paint_one(prompt: str, policy: PromptPolicy = PromptPolicy.CHUNK) -> np.ndarray:
        reader = replace(loaded.reader, policy=policy)
        own = DiffusersPipeline(
            replace(loaded, reader=reader), loras=no_loras(), on_again=lambda _: None
        )
        request = small_request(prompt=prompt, num_inference_steps=10)
        pixels = np.asarray(own.generate(request, lambda *_: None).image, float)
        return np.stack(
            [part.mean(axis=(0, 1)) for part in (pixels[:40, :40], pixels[112:144, 112:144])]
        )

    return paint_one


def redness(colour: np.ndarray) -> float:
    """How much more red than blue it has."""
    return float(colour[0] - colour[2])


class TestPicture:
    # The bundled model has learned short captions only, so each chunk here is one.
    LONG = "a very nice, realistic, highly detailed picture BREAK " * 11

    def test_shows_a_colour_that_is_named_after_a_hundred_tokens(self, paint: Paint) -> None:
        red, _ = paint(f"{self.LONG} a circle on a red background")
        blue, _ = paint(f"{self.LONG} a circle on a blue background")
        assert redness(red) > 100
        assert redness(blue) < -100

    def test_does_not_show_it_where_the_end_is_dropped(self, paint: Paint) -> None:
        red, blue = (
            paint(f"{self.LONG} a circle on a {colour} background", PromptPolicy.TRUNCATE)
            for colour in ("red", "blue")
        )
        assert np.array_equal(red, blue)

    def test_shows_what_weighs_more(self, paint: Paint) -> None:
        _, red = paint("(a red circle:1.5) BREAK (a blue circle:0.3)")
        _, blue = paint("(a red circle:0.3) BREAK (a blue circle:1.5)")
        assert redness(red) > 100
        assert redness(blue) < -100
