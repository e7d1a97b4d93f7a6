"""Pipelines named for what they do; each satisfies `worker.painting.Pipeline`."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from threading import Event, Semaphore

from PIL import Image

from shared.generation import Build, GenerationRequest
from shared.job_parts import FailureType
from shared.loras import LoraUsed
from tests.support.builders import BUILD
from worker.inputs import NO_INPUTS, Inputs
from worker.model_source import NamedModel
from worker.painting import Lane, OnStep, Outcome, Painting, PaintingFailed, Pipeline, SingleModel
from worker.prompt_account import PromptAccount

PATIENCE_SECONDS = 20
_LOOK_SECONDS = 0.005
LORA_HASHES = {"sha256": "ab" * 32, "autov3": "0123456789ab"}


class NoBatches:
    """Paints each picture alone."""

    def batch_key(self, request: GenerationRequest) -> Hashable | None:  # noqa: ARG002  # The same.
        return None

    def generate_batch(self, lanes: Sequence[Lane]) -> list[Outcome]:
        message = f"these {len(lanes)} are no batch"
        raise AssertionError(message)


class OneModel(NoBatches):
    """Has one model, which is warm."""

    build: Build

    def build_of(self, request: GenerationRequest) -> Build:  # noqa: ARG002  # The protocol's.
        return self.build

    def load_seconds(self, request: GenerationRequest) -> float:  # noqa: ARG002  # The same.
        return 0


@dataclass(frozen=True)
class Gives:
    """A loader that gives the same model, whichever is asked for."""

    model: SingleModel

    def __call__(self, model: NamedModel) -> SingleModel:  # noqa: ARG002  # The protocol's.
        return self.model

    def free(self) -> None:
        """There is nothing."""


@dataclass
class PaintsFlat(OneModel):
    """Paints one colour, in as many steps as were asked; remembers what it was asked for."""

    colour: str = "red"
    build: Build = BUILD
    account: PromptAccount = field(default_factory=PromptAccount)
    painted: list[GenerationRequest] = field(default_factory=list)
    flagged: bool | None = None
    painted_on: list[Inputs] = field(default_factory=list)

    def generate(
        self, request: GenerationRequest, on_step: OnStep, inputs: Inputs = NO_INPUTS
    ) -> Painting:
        for step in range(1, request.steps_run + 1):
            on_step(step)
        self.painted.append(request)
        self.painted_on.append(inputs)
        image = Image.new("RGB", (request.width, request.height), self.colour)
        loras = tuple(LoraUsed(**use.model_dump(), **LORA_HASHES) for use in request.loras)
        return Painting(
            image,
            text_seconds=0.01,
            denoise_seconds=0.02,
            decode_seconds=0.03,
            account=self.account,
            loras=loras,
            flagged=self.flagged,
        )


@dataclass
class RaisesAfterAStep(OneModel):
    """Breaks once it has begun."""

    error: BaseException
    build: Build = BUILD

    def generate(
        self,
        request: GenerationRequest,  # noqa: ARG002  # The protocol's.
        on_step: OnStep,
        inputs: Inputs = NO_INPUTS,  # noqa: ARG002  # The protocol's.
    ) -> Painting:
        on_step(1)
        raise self.error


def runs_out_of_memory() -> Pipeline:
    return RaisesAfterAStep(
        PaintingFailed(FailureType.GPU_OUT_OF_MEMORY, "The GPU's memory does not suffice.")
    )


def gives_no_finite_picture() -> Pipeline:
    return RaisesAfterAStep(PaintingFailed(FailureType.NAN_OUTPUT, "Not finite."))


@dataclass
class WaitsAfterAStep(OneModel):
    """Paints, but stands still after its first step until it is told to go on."""

    build: Build = BUILD
    standing: Event = field(default_factory=Event)
    go_on: Event = field(default_factory=Event)

    def generate(
        self, request: GenerationRequest, on_step: OnStep, inputs: Inputs = NO_INPUTS
    ) -> Painting:
        on_step(1)
        self.standing.set()
        assert self.go_on.wait(PATIENCE_SECONDS), "nobody told the pipeline to go on"
        return PaintsFlat(build=self.build).generate(request, on_step, inputs)


@dataclass
class PaintsOnCommand(OneModel):
    """Takes each step, and the decoding after them, when it is told to go on; has previews."""

    colour: str = "red"
    build: Build = BUILD
    _commands: Semaphore = field(default_factory=lambda: Semaphore(0))

    def go_on(self, times: int = 1) -> None:
        self._commands.release(times)

    def generate(
        self,
        request: GenerationRequest,
        on_step: OnStep,
        inputs: Inputs = NO_INPUTS,  # noqa: ARG002  # The protocol's.
    ) -> Painting:
        for step in range(1, request.steps_run + 1):
            self._obey()
            on_step(step, lambda: self._picture(request.width // 8, request.height // 8))
        self._obey()
        image = self._picture(request.width, request.height)
        return Painting(image, text_seconds=0.01, denoise_seconds=0.02, decode_seconds=0.03)

    def _obey(self) -> None:
        assert self._commands.acquire(timeout=PATIENCE_SECONDS), "nobody told it to go on"

    def _picture(self, width: int, height: int) -> Image.Image:
        return Image.new("RGB", (width, height), self.colour)


@dataclass
class PaintsUntilInterrupted(OneModel):
    """Never ends by itself: repeats its first step until that raises, and remembers what."""

    build: Build = BUILD
    painting: Event = field(default_factory=Event)
    interruption: Exception | None = None

    def generate(
        self,
        request: GenerationRequest,  # noqa: ARG002  # The protocol's.
        on_step: OnStep,
        inputs: Inputs = NO_INPUTS,  # noqa: ARG002  # The protocol's.
    ) -> Painting:
        try:
            for _ in range(int(PATIENCE_SECONDS / _LOOK_SECONDS)):
                on_step(1)
                self.painting.set()
                Event().wait(_LOOK_SECONDS)
        except Exception as error:
            self.interruption = error
            raise
        message = "nobody interrupted the pipeline"
        raise AssertionError(message)


@dataclass
class TakesTurns(OneModel):
    """Paints each picture with the next of its pipelines."""

    pipelines: Sequence[Pipeline]
    build: Build = BUILD

    def __post_init__(self) -> None:
        self._turns = iter(self.pipelines)

    def generate(
        self, request: GenerationRequest, on_step: OnStep, inputs: Inputs = NO_INPUTS
    ) -> Painting:
        return next(self._turns).generate(request, on_step, inputs)


@dataclass
class CallsBeforeItReturns(OneModel):
    """Paints, and lets something happen between its last step and the picture."""

    call: Callable[[], object]
    build: Build = BUILD

    def generate(
        self, request: GenerationRequest, on_step: OnStep, inputs: Inputs = NO_INPUTS
    ) -> Painting:
        painting = PaintsFlat(build=self.build).generate(request, on_step, inputs)
        self.call()
        return painting


@dataclass
class WaitsToBeSeen(OneModel):
    """Does its next step only once somebody has looked at a preview of the last."""

    build: Build = BUILD

    def generate(
        self,
        request: GenerationRequest,
        on_step: OnStep,
        inputs: Inputs = NO_INPUTS,  # noqa: ARG002  # The protocol's.
    ) -> Painting:
        for step in range(1, request.steps_run):
            self._show(step, on_step)
        on_step(request.steps_run)
        image = Image.new("RGB", (request.width, request.height), "red")
        return Painting(image, text_seconds=0.01, denoise_seconds=0.02, decode_seconds=0.03)

    def _show(self, step: int, on_step: OnStep) -> None:
        seen = Event()

        def preview() -> Image.Image:
            seen.set()
            return Image.new("RGB", (32, 32), "blue")

        for _ in range(int(PATIENCE_SECONDS / _LOOK_SECONDS)):
            on_step(step, preview)
            if seen.wait(_LOOK_SECONDS):
                return
        message = "nobody looked"
        raise AssertionError(message)
