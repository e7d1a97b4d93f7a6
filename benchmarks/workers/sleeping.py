"""The worker as it is, but for a model that only takes time, or no time at all.

BENCH_SECONDS is how long a picture takes; while the file of BENCH_HOLD is there, none is begun.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from shared.generation import Build, GenerationRequest
from tests.support.builders import BUILD
from tests.support.pipelines import Gives, OneModel
from worker.inputs import NO_INPUTS, Inputs
from worker.main import main
from worker.painting import OnStep, Painting

_LOOK_SECONDS = 0.002


@dataclass
class Sleeps(OneModel):
    """Takes so many seconds for one flat colour."""

    seconds: float
    hold: Path | None
    build: Build = BUILD
    blank: dict[tuple[int, int], Image.Image] = field(default_factory=dict)

    def generate(
        self,
        request: GenerationRequest,
        on_step: OnStep,
        inputs: Inputs = NO_INPUTS,  # noqa: ARG002  # The protocol's.
    ) -> Painting:
        """Sleep, tell all the steps at once, and give a picture that was made before."""
        while self.hold and self.hold.exists():
            time.sleep(_LOOK_SECONDS)
        started = time.perf_counter()
        time.sleep(self.seconds)
        for step in range(1, request.num_inference_steps + 1):
            on_step(step)
        size = request.width, request.height
        image = self.blank.setdefault(size, Image.new("RGB", size, "red"))
        seconds = time.perf_counter() - started
        return Painting(image, text_seconds=0, denoise_seconds=seconds, decode_seconds=0)


def load(*_: object) -> Gives:
    """Give what sleeps."""
    hold = os.environ.get("BENCH_HOLD")
    return Gives(Sleeps(float(os.environ.get("BENCH_SECONDS", "0")), Path(hold) if hold else None))


if __name__ == "__main__":
    main(load)
