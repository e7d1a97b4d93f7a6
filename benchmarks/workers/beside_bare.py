"""The worker as it is; a marked request has it time the bare call in this very process instead."""

import time
from dataclasses import dataclass

from benchmarks.bare import Bare
from shared.generation import Build, GenerationRequest
from shared.settings import Settings
from tests.support.pipelines import NoBatches
from worker.child import Publish
from worker.encoding import encode_png
from worker.inputs import NO_INPUTS, Inputs
from worker.main import main, model_loader
from worker.metrics import OnAgain
from worker.model_shelf import Loader
from worker.model_source import NamedModel
from worker.painting import OnStep, Painting, SingleModel

MARKER = "the bare call"
"""The prompt of a request whose picture is painted without the service's pipeline."""


@dataclass
class PaintsBeside(NoBatches):
    """Paints with the real pipeline, and what is marked with the bare one."""

    ours: SingleModel
    bare: Bare

    @property
    def build(self) -> Build:
        """That of the real one."""
        return self.ours.build

    def generate(
        self, request: GenerationRequest, on_step: OnStep, inputs: Inputs = NO_INPUTS
    ) -> Painting:
        """Paint; of a marked request the whole time with its PNG is told as that of denoising."""
        if request.prompt != MARKER:
            return self.ours.generate(request, on_step, inputs)
        started = time.perf_counter()
        image = self.bare.paint(
            steps=request.num_inference_steps,
            width=request.width,
            height=request.height,
            seed=request.seed or 0,
        )
        encode_png(image)
        seconds = time.perf_counter() - started
        return Painting(image, text_seconds=0, denoise_seconds=seconds, decode_seconds=0)


class BothLoader:
    """Loads the models of the service, and the bare one beside the first."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def __call__(self, model: NamedModel) -> SingleModel:
        """Load both, and warm up the bare one too."""
        ours, bare = self._loader(model), Bare()
        bare.paint(steps=5, width=256, height=256)
        return PaintsBeside(ours, bare)

    def free(self) -> None:
        """Give back what models that are gone had."""
        self._loader.free()


def load(settings: Settings, on_again: OnAgain, publish: Publish) -> Loader:
    """Give what loads both."""
    return BothLoader(model_loader(settings, on_again, publish))


if __name__ == "__main__":
    main(load)
