"""What is painted and what paints: the words that the worker's parts share."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from PIL import Image

from shared.generation import Build, GenerationRequest
from shared.job_parts import FailureType, JobFailure
from shared.loras import LoraUsed
from worker.inputs import NO_INPUTS, Inputs
from worker.prompt_account import PromptAccount


@dataclass(frozen=True)
class Painting:
    """A picture as it leaves the pipeline, with the seconds of each stage."""

    image: Image.Image
    text_seconds: float
    denoise_seconds: float
    """Of all steps; of a batch they are those of all its pictures."""

    decode_seconds: float
    account: PromptAccount = field(default_factory=PromptAccount)
    loras: tuple[LoraUsed, ...] = ()
    flagged: bool | None = None
    """Whether the safety checker took offence; None where there is none."""

    batch_size: int = 1
    """How many pictures went through the model at once."""


class PaintingFailed(Exception):
    """The pipeline could not paint, for a reason that the client may know."""

    def __init__(self, failure_type: FailureType, detail: str) -> None:
        super().__init__(detail)
        self.failure = JobFailure(type=failure_type, detail=detail)


class DeviceLost(Exception):
    """The device is broken for this process; only a new one can use it again."""


class OnStep(Protocol):
    """What a pipeline calls after each sampler step."""

    def __call__(self, step: int, preview: Callable[[], Image.Image] | None = None) -> None:
        """Take note of the step, 0 before the first; `preview` gives the picture as it stands."""
        ...


@dataclass(frozen=True)
class Lane:
    """One picture of a call of the pipeline."""

    request: GenerationRequest
    on_step: OnStep
    inputs: Inputs = NO_INPUTS


Outcome = Painting | Exception
"""What became of a lane: what its `on_step` has raised is its own end, and no other's."""


class Paints(Protocol):
    """What paints pictures, each by itself or some of them at once."""

    def generate(
        self, request: GenerationRequest, on_step: OnStep, inputs: Inputs = NO_INPUTS
    ) -> Painting:
        """Paint on these inputs; `on_step` follows each step, and what it raises ends the painting.

        Raises:
            PaintingFailed: The picture could not be made, for a reason a client may know.
            DeviceLost: This process cannot paint any more.
        """
        ...

    def batch_key(self, request: GenerationRequest) -> Hashable | None:
        """Give what is equal for requests that can be one batch; None for what is painted alone."""
        ...

    def generate_batch(self, lanes: Sequence[Lane]) -> list[Outcome]:
        """Paint requests of one batch key at once, and give what became of each.

        Raises:
            DeviceLost: This process cannot paint any more.
        """
        ...


class Pipeline(Paints, Protocol):
    """What paints, with one model or several."""

    def build_of(self, request: GenerationRequest) -> Build | None:
        """What its picture depends on beside the request; None before its model was loaded."""
        ...

    def load_seconds(self, request: GenerationRequest) -> float | None:
        """Seconds that it takes to load the model; 0 for a warm one, None where not known."""
        ...


class SingleModel(Paints, Protocol):
    """A warm model."""

    @property
    def build(self) -> Build:
        """What the pictures depend on beside their requests."""
        ...


def outcome_of(paint: Callable[[], Painting]) -> Outcome:
    """Give the picture, or what has ended it.

    Raises:
        DeviceLost: This process cannot paint any more.
    """
    try:
        return paint()
    except DeviceLost:
        raise
    except Exception as error:  # noqa: BLE001  # Whatever the model raises ends only this picture.
        return error


def painting_of(outcome: Outcome) -> Painting:
    """Give the picture, or raise what has ended it."""
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
