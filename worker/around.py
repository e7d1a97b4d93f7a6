"""What stands before a pipeline and adds something to its painting."""

from collections.abc import Hashable

from shared.generation import Build, GenerationRequest
from worker.painting import Pipeline


class AroundPipeline:
    """Passes on what a pipeline says of its models; the painting is for who inherits."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def build_of(self, request: GenerationRequest) -> Build | None:
        """What its picture depends on beside the request."""
        return self._pipeline.build_of(request)

    def batch_key(self, request: GenerationRequest) -> Hashable | None:
        """Give what is equal for requests that can be one batch."""
        return self._pipeline.batch_key(request)

    def load_seconds(self, request: GenerationRequest) -> float | None:
        """Seconds that it takes to load the model."""
        return self._pipeline.load_seconds(request)
