"""The worker as it is, but for a model that costs nothing and holds its brush until it is told."""

import os
from pathlib import Path
from threading import Event

from shared.generation import Build, GenerationRequest
from tests.support.builders import BUILD
from tests.support.pipelines import Gives, OneModel, PaintsFlat
from worker.inputs import NO_INPUTS, Inputs
from worker.main import main
from worker.painting import OnStep, Painting

HELD = "held"
"""A prompt that is painted only while the file that HOLD names is not there."""

BUSY = "busy"
"""A prompt that takes a moment a step, so that many of them keep a fleet at work."""

_MOMENT_SECONDS = 0.02


class HoldsItsBrush(OneModel):
    """Paints a colour; does its first step again and again for as long as it is held."""

    build: Build = BUILD

    def generate(
        self, request: GenerationRequest, on_step: OnStep, inputs: Inputs = NO_INPUTS
    ) -> Painting:
        hold = Path(os.environ["HOLD"])
        while request.prompt == HELD and hold.exists():
            on_step(1)
            Event().wait(_MOMENT_SECONDS)
        if request.prompt != BUSY:
            return PaintsFlat().generate(request, on_step, inputs)

        def step_slowly(step: int) -> None:
            Event().wait(_MOMENT_SECONDS)
            on_step(step)

        return PaintsFlat().generate(request, lambda step, _=None: step_slowly(step), inputs)


if __name__ == "__main__":
    main(lambda *_: Gives(HoldsItsBrush()))
