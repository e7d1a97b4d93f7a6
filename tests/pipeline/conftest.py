"""The bundled model, loaded once, as the worker loads it."""

from collections.abc import Callable

import pytest
import torch

from shared.generation import GenerationRequest
from shared.settings import Settings
from worker.loading import load_pipeline
from worker.lora_folder import LoraFolder
from worker.lora_weights import LoraCache
from worker.loras import LoraShelf
from worker.metrics import Again
from worker.pipeline import DiffusersPipeline

Paint = Callable[..., bytes]


@pytest.fixture(scope="session")
def _second_tries() -> list[Again]:
    return []


@pytest.fixture(scope="session")
def pipeline(_second_tries: list[Again]) -> DiffusersPipeline:
    return load_pipeline(Settings(device="cpu", _env_file=None), _second_tries.append)


@pytest.fixture
def second_tries(_second_tries: list[Again]) -> list[Again]:
    """What the pipeline has tried a second time, in this test."""
    _second_tries.clear()
    return _second_tries


@pytest.fixture
def paint(pipeline: DiffusersPipeline) -> Paint:
    """Give the pixels of a small picture, whose request's fields may be changed by name."""

    def paint_one(**fields: object) -> bytes:
        painting = pipeline.generate(small_request(**fields), lambda *_: None)
        return painting.image.tobytes()

    return paint_one


def no_loras() -> LoraShelf:
    return LoraShelf(LoraFolder(None), LoraCache())


def small_request(**fields: object) -> GenerationRequest:
    small = {
        "prompt": "a red circle on a blue background",
        "num_inference_steps": 5,
        "height": 256,
        "width": 256,
        "seed": 7,
    }
    return GenerationRequest.model_validate({**small, **fields})


class FailingTimes:
    """A module's forward hook that raises, or spoils what the module gives, for a few calls."""

    def __init__(self, times: int, error: Exception | None = None) -> None:
        self.left = times
        self._error = error

    def __call__(self, _module: object, _inputs: object, output: object) -> object:
        if self.left <= 0:
            return output
        self.left -= 1
        if self._error is not None:
            raise self._error
        assert isinstance(output, torch.Tensor)
        return torch.full_like(output, torch.nan)
