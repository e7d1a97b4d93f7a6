"""The worker as it is, but for a few prompts that do to it what a real one hopefully never does."""

import os
import signal
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event

from PIL.Image import Image

from shared.generation import Build, GenerationRequest
from shared.settings import Settings
from worker.child import Publish
from worker.inputs import NO_INPUTS, Inputs
from worker.main import main, model_loader
from worker.metrics import OnAgain
from worker.model_shelf import Loader
from worker.model_source import NamedModel
from worker.painting import Lane, OnStep, Outcome, Painting, SingleModel

POISON = "poison"
"""Kills the process that paints it."""

STUCK = "stuck"
"""Never ends its second step, unless STUCK_ONCE names a file that an earlier attempt has left."""

SLOW = "slow"
"""Takes its time over each step, so that a test can meet it while it runs."""

_SECONDS_PER_SLOW_STEP = 0.25


class PoisonedPipeline:
    """Paints with the real pipeline what the real pipeline can paint."""

    def __init__(self, pipeline: SingleModel) -> None:
        self._pipeline = pipeline

    @property
    def build(self) -> Build:
        return self._pipeline.build

    def generate(
        self, request: GenerationRequest, on_step: OnStep, inputs: Inputs = NO_INPUTS
    ) -> Painting:
        return self._pipeline.generate(request, _suffering(request, on_step), inputs)

    def batch_key(self, request: GenerationRequest) -> Hashable | None:
        return self._pipeline.batch_key(request)

    def generate_batch(self, lanes: Sequence[Lane]) -> list[Outcome]:
        suffering = [
            replace(lane, on_step=_suffering(lane.request, lane.on_step)) for lane in lanes
        ]
        return self._pipeline.generate_batch(suffering)


def _suffering(request: GenerationRequest, on_step: OnStep) -> OnStep:
    suffer = _SUFFERINGS.get(request.prompt, lambda _: None)

    def suffer_and_step(step: int, preview: Callable[[], Image] | None = None) -> None:
        suffer(step)
        on_step(step, preview)

    return suffer_and_step


def _die(step: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _get_stuck(step: int) -> None:
    mark = Path(os.environ["STUCK_ONCE"])
    if step > 1 and not mark.exists():
        mark.touch()
        Event().wait()


def _dawdle(step: int) -> None:
    Event().wait(_SECONDS_PER_SLOW_STEP)


_SUFFERINGS = {POISON: _die, STUCK: _get_stuck, SLOW: _dawdle}


class PoisonedLoader:
    """Loads as the worker does."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def __call__(self, model: NamedModel) -> SingleModel:
        return PoisonedPipeline(self._loader(model))

    def free(self) -> None:
        self._loader.free()


def _load(settings: Settings, on_again: OnAgain, publish: Publish) -> Loader:
    return PoisonedLoader(model_loader(settings, on_again, publish))


if __name__ == "__main__":
    main(_load)
