"""Keeping back what the safety checker takes offence at."""

from collections.abc import Sequence
from functools import partial

from shared.generation import GenerationRequest
from shared.job_parts import FailureType
from worker.around import AroundPipeline
from worker.inputs import NO_INPUTS, Inputs
from worker.painting import Lane, OnStep, Outcome, Painting, PaintingFailed, outcome_of

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
        return _passed(self._pipeline.generate(request, on_step, inputs))

    def generate_batch(self, lanes: Sequence[Lane]) -> list[Outcome]:
        """Paint, as the pipeline does; what is flagged has failed."""
        outcomes = self._pipeline.generate_batch(lanes)
        return [
            outcome_of(partial(_passed, one)) if isinstance(one, Painting) else one
            for one in outcomes
        ]


def _passed(painting: Painting) -> Painting:
    if painting.flagged:
        raise PaintingFailed(FailureType.CONTENT_BLOCKED, _DETAIL)
    return painting
