"""Previews: what becomes of latents, and how near it comes to the picture."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from shared.generation import GenerationRequest, Scheduler
from tests.pipeline.conftest import small_request
from worker.latent_colours import (
    FACTORS_FILE,
    STABLE_DIFFUSION_1,
    LatentColours,
    colours_of,
)
from worker.model_source import BUNDLED
from worker.pipeline import DiffusersPipeline

STEPS = 8
RED_GREEN_BLUE = LatentColours(factors=((1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0)))


def pixel(colours: LatentColours, *latent: float) -> tuple[int, ...]:
    """Give the colour of a picture that has one latent."""
    image = colours.image(torch.tensor(latent)[None, :, None, None])
    assert image.size == (1, 1)
    return tuple(np.asarray(image)[0, 0].tolist())


class TestColoursOf:
    def test_are_the_models_own_where_it_has_some(self, tmp_path: Path) -> None:
        (tmp_path / FACTORS_FILE).write_text(RED_GREEN_BLUE.model_dump_json())
        assert colours_of(tmp_path) == RED_GREEN_BLUE

    def test_are_those_in_the_bundled_models_file(self) -> None:
        own = LatentColours.model_validate(json.loads((BUNDLED / FACTORS_FILE).read_text()))
        assert colours_of(BUNDLED) == own

    def test_are_the_familys_where_a_folder_has_none(self, tmp_path: Path) -> None:
        assert colours_of(tmp_path) is STABLE_DIFFUSION_1

    def test_are_the_familys_for_a_single_file(self, tmp_path: Path) -> None:
        file = tmp_path / "model.safetensors"
        file.touch()
        assert colours_of(file) is STABLE_DIFFUSION_1

    def test_are_the_familys_for_a_model_of_the_hub(self) -> None:
        assert colours_of(None) is STABLE_DIFFUSION_1

    def test_are_refused_where_the_file_is_not_what_it_should_be(self, tmp_path: Path) -> None:
        (tmp_path / FACTORS_FILE).write_text('{"factors": [[1, 2]]}')
        with pytest.raises(ValidationError):
            colours_of(tmp_path)


class TestImage:
    def test_is_as_large_as_the_latents(self) -> None:
        assert RED_GREEN_BLUE.image(torch.zeros(1, 4, 6, 9)).size == (9, 6)

    @pytest.mark.parametrize(
        ("latent", "colour"),
        [
            ((0, 0, 0, 0), (127, 127, 127)),
            ((1, -1, -1, 9), (255, 0, 0)),
            ((-1, -1, 1, 9), (0, 0, 255)),
            ((5, -5, 0, 0), (255, 0, 127)),
        ],
    )
    def test_has_the_colours_of_the_factors(
        self, latent: tuple[float, ...], colour: tuple[int, ...]
    ) -> None:
        assert pixel(RED_GREEN_BLUE, *latent) == colour

    def test_has_the_bias_beside_them(self) -> None:
        brighter = RED_GREEN_BLUE.model_copy(update={"bias": (1.0, 0.0, -1.0)})
        assert pixel(brighter, 0, 0, 0, 0) == (255, 127, 0)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_takes_the_dtype_of_the_latents(self, dtype: torch.dtype) -> None:
        assert RED_GREEN_BLUE.image(torch.zeros(1, 4, 2, 2, dtype=dtype)).size == (2, 2)


@dataclass(frozen=True)
class Seen:
    """A picture, and the preview of each of its steps."""

    previews: list[Image.Image]
    picture: Image.Image

    def likeness(self, step: int) -> float:
        """Correlate the preview of a step with the picture: 1 for the same, 0 for any two."""
        one, other = (
            np.asarray(image, dtype=np.float64).ravel()
            for image in (self.previews[step - 1], self.picture.reduce(8))
        )
        return float(np.corrcoef(one, other)[0, 1])


@pytest.fixture(scope="module", params=Scheduler)
def scheduler(request: pytest.FixtureRequest) -> Scheduler:
    return Scheduler(request.param)


@pytest.fixture(scope="module")
def seen(pipeline: DiffusersPipeline, scheduler: Scheduler) -> Seen:
    previews: list[Image.Image] = []

    def look(step: int, preview: Callable[[], Image.Image] | None = None) -> None:
        assert preview is not None
        previews.append(preview())

    painting = pipeline.generate(request_with(scheduler), look)
    return Seen(previews, painting.image)


def request_with(scheduler: Scheduler) -> GenerationRequest:
    return small_request(scheduler=scheduler, num_inference_steps=STEPS)


class TestPreviews:
    def test_are_an_eighth_of_the_picture(self, seen: Seen) -> None:
        assert [preview.size for preview in seen.previews] == [(32, 32)] * STEPS

    def test_come_to_the_picture_in_the_end(self, seen: Seen) -> None:
        assert seen.likeness(STEPS) > 0.8

    def test_come_nearer_on_the_way(self, seen: Seen) -> None:
        assert seen.likeness(1) < seen.likeness(STEPS - 2) < seen.likeness(STEPS) + 0.05

    def test_change_nothing_of_the_picture(
        self, seen: Seen, scheduler: Scheduler, pipeline: DiffusersPipeline
    ) -> None:
        unseen = pipeline.generate(request_with(scheduler), lambda *_: None)
        assert seen.picture.tobytes() == unseen.image.tobytes()
