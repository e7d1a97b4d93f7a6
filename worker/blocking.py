"""Keeping back what the safety checker takes offence at."""

from shared.generation import GenerationRequest
from shared.job_parts import FailureType
from worker.around import AroundPipeline
from worker.inputs import NO_INPUTS, Inputs
from worker.runner import OnStep, Painting, PaintingFailed

_DETAIL = (
    "The safety checker took offence at the picture, so it was not kept; the same request paints "
    "it again, another seed or prompt may not."
)


class BlockingPipeline(AroundPipeline):
    """Gives no picture of a pipeline that is flagged."""

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
