import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from tokenizers import Tokenizer

from scripts.demo_model.autoencoder import build_autoencoder
from scripts.demo_model.card import EXAMPLES, folder_bytes
from scripts.demo_model.description import caption, plain_caption
from scripts.demo_model.latents import latents_of
from scripts.demo_model.paint import paint
from scripts.demo_model.words import BEGIN, END, build_tokenizer, known_words

MEGABYTE = 1_000_000


class TestFolder:
    def test_is_small(self, folder: Path) -> None:
        assert folder_bytes(folder) <= 16 * MEGABYTE

    def test_holds_weights_only_as_safetensors(self, folder: Path) -> None:
        suffixes = {path.suffix for path in folder.rglob("*") if path.is_file()}
        assert suffixes == {".json", ".md", ".safetensors", ".txt"}

    def test_its_card_lists_every_word(self, folder: Path) -> None:
        card = (folder / "README.md").read_text()
        assert [word for word in known_words() if word not in card] == []

    def test_its_examples_use_only_known_words(self) -> None:
        words = {word for example in EXAMPLES for word in example.replace(",", "").split()}
        assert words <= set(known_words())


class TestWords:
    @pytest.mark.parametrize("word", known_words())
    def test_every_known_word_is_one_token(self, word: str) -> None:
        assert len(build_tokenizer()(word).input_ids) == 3

    def test_captions_are_made_of_known_words(self) -> None:
        random = np.random.default_rng(0)
        spoken = {
            word for seed in range(300) for word in plain_caption(paint(seed, 64, 64)[1]).split()
        }
        assert spoken <= set(known_words())
        assert caption(paint(0, 64, 64)[1], random)

    def test_the_tokenizer_file_works_alone(self, folder: Path) -> None:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer" / "tokenizer.json"))
        tokens = tokenizer.encode("A red  apple").tokens
        assert tokens == [BEGIN, "a</w>", "red</w>", "apple</w>", END]

    def test_unknown_words_and_signs_have_tokens_too(self) -> None:
        tokenizer = build_tokenizer()
        assert tokenizer.unk_token_id not in tokenizer("größe 猫 🐈 #7").input_ids[1:-1]


class TestEncoder:
    @pytest.mark.parametrize("size", [(128, 128), (192, 128), (64, 200)])
    def test_averages_blocks(self, size: tuple[int, int]) -> None:
        image = paint(5, *size)[0].reduced()
        encoded = build_autoencoder().encode(_as_tensor(np.asarray(image))).latents[0]
        np.testing.assert_allclose(encoded.detach().numpy(), latents_of(image), atol=1e-4)

    def test_is_the_one_in_the_folder(self, pipeline: StableDiffusionPipeline) -> None:
        image = paint(6, 128, 128)[0].reduced()
        with torch.no_grad():
            encoded = pipeline.vae.encode(_as_tensor(np.asarray(image))).latents[0]
        np.testing.assert_allclose(encoded.numpy(), latents_of(image), atol=0.01)

    def test_its_preview_shows_block_colours(self, folder: Path) -> None:
        image = paint(7, 128, 128)[0].reduced()
        guess = json.loads((folder / "latent_rgb.json").read_text())
        shown = np.einsum("chw,cr->hwr", latents_of(image), np.array(guess["factors"]))
        blocks = np.asarray(image.reduce(8), dtype=np.float64) / 127.5 - 1.0
        np.testing.assert_allclose(shown + guess["bias"], blocks, atol=0.01)


def test_the_decoder_undoes_the_encoder_but_for_a_few_grey_levels(
    pipeline: StableDiffusionPipeline,
) -> None:
    errors = []
    for seed in range(8, 14):
        pixels = _as_tensor(np.asarray(paint(seed, 512, 512)[0].reduced()))
        with torch.no_grad():
            decoded = pipeline.vae.decode(pipeline.vae.encode(pixels).latents).sample
        errors.append((decoded - pixels).abs().mean().item())
    assert np.mean(errors) * 255 / 2 < 5


def _as_tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 127.5 - 1.0
