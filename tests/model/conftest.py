"""The bundled pipeline, loaded once for all tests of it."""

from pathlib import Path

import pytest
from diffusers import StableDiffusionPipeline

from scripts.demo_model.check import Draw
from scripts.demo_model.folder import draw_with, load_pipeline

FOLDER = Path(__file__).parents[2] / "models" / "demo"


@pytest.fixture(scope="session")
def folder() -> Path:
    return FOLDER


@pytest.fixture(scope="session")
def pipeline(folder: Path) -> StableDiffusionPipeline:
    return load_pipeline(folder)


@pytest.fixture(scope="session")
def draw(pipeline: StableDiffusionPipeline) -> Draw:
    return draw_with(pipeline, size=256, steps=16, guidance=7.0)
