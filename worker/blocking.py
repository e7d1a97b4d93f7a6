"""Keeping back what the safety checker takes offence at."""

from shared.generation import Build, GenerationRequest
from shared.job_parts import FailureType
from worker.inputs import NO_INPUTS, Inputs
from worker.runner import OnStep, Painting, PaintingFailed, Pipeline

_DETAIL = (
    "The safety checker took offence at the picture, so it was not kept; the same request paints "
    "it again, another seed or prompt may not."
)


class BlockingPipeline:
    """Gives no picture of a pipeline that is flagged."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def build_of(self, request: GenerationRequest) -> Build | None:
        """What its picture depends on beside the request."""
        return self._pipeline.build_of(request)

    def load_seconds(self, request: GenerationRequest) -> float | None:
        """Seconds that it takes to load the model."""
        return self._pipeline.load_seconds(request)

    def generate(
        self, request: GenerationRequest, on_step: OnStep, inputs: Inputs = NO_INPUTS
    ) -> Painting:
        """Paint, as the pipeline does.

        Raises:
            PaintingFailed: As it does, or the picture is flagged.
        """
        painting = self._pipeline.generate(request, on_step, inputs)
        if painting.flagged:
            raise PaintingFailed(FailureType.CONTENT_BLOCKED, _DETAIL)
        return painting
