"""Encoded prompts that come again: the very same, and without the text encoder."""

from collections.abc import Iterator

import pytest
import torch

from shared.prompt_reader import WeightedToken
from tests.pipeline.conftest import FailingTimes, Paint
from worker.painting import PaintingFailed
from worker.pipeline import DiffusersPipeline
from worker.text_cache import TextCache

FIELDS = {"prompt": "a (red:1.3) house BREAK at night", "negative_prompt": "a tree"}
STATES_BYTES = 4 * 8


def chunk(number: int, weight: float = 1.0) -> tuple[WeightedToken, ...]:
    return (WeightedToken(number, weight, place=0),)


@pytest.fixture
def runs(pipeline: DiffusersPipeline) -> Iterator[list[int]]:
    """Count the runs of the text encoder, from a cache that is empty."""
    pipeline._texts.clear()  # noqa: SLF001  # Other tests have painted too.
    counted: list[int] = []
    encoder = pipeline._model.pipeline.text_encoder  # noqa: SLF001
    handle = encoder.register_forward_hook(lambda *_: counted.append(1))
    yield counted
    handle.remove()


class TestPicture:
    def test_is_the_same_to_the_bit_with_what_was_kept(self, paint: Paint, runs: list[int]) -> None:
        first = paint(**FIELDS)
        assert len(runs) == 4  # Two chunks, and one with an empty one beside it.
        assert paint(**FIELDS) == first
        assert len(runs) == 4

    def test_of_another_prompt_shares_the_empty_negative_one(
        self, paint: Paint, runs: list[int]
    ) -> None:
        paint(prompt="a house")
        paint(prompt="a tree")
        assert len(runs) == 3

    def test_that_could_not_be_painted_leaves_nothing_behind(
        self, pipeline: DiffusersPipeline, paint: Paint, runs: list[int]
    ) -> None:
        paint()
        decoder = pipeline._model.pipeline.vae.decoder  # noqa: SLF001
        handle = decoder.register_forward_hook(FailingTimes(2))
        with pytest.raises(PaintingFailed):
            paint()
        handle.remove()
        paint()
        assert len(runs) == 4


class TestTextCache:
    def test_tells_weights_apart(self) -> None:
        cache = TextCache()
        cache.get(chunk(5, 1.0), lambda _: torch.zeros(1))
        assert cache.get(chunk(5, 1.1), lambda _: torch.ones(1)).item() == 1

    def test_keeps_those_used_last_within_its_limit(self) -> None:
        cache = TextCache(limit_bytes=2 * STATES_BYTES)
        encoded: list[object] = []

        def encode(one: object) -> torch.Tensor:
            encoded.append(one)
            return torch.zeros(8)

        for number in (1, 2, 1, 3, 1, 2):
            cache.get(chunk(number), encode)
        assert encoded == [chunk(1), chunk(2), chunk(3), chunk(2)]
        assert cache.size_bytes == 2 * STATES_BYTES
