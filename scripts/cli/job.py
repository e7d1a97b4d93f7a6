"""A job as the service tells it: what this program reads is typed, the rest is passed on."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, JsonValue

from shared.job_parts import JobState


class Told(BaseModel):
    """Something of the service's; what a newer service says beside it is kept."""

    model_config = ConfigDict(frozen=True, extra="allow")

    def as_told(self) -> dict[str, JsonValue]:
        """Give it back as it came."""
        return self.model_dump(mode="json", exclude_unset=True)


class Progress(Told):
    """Sampler steps done, of how many."""

    step: int
    total: int


class Request(Told):
    """What is painted."""

    prompt: str
    negative_prompt: str | None
    num_inference_steps: int
    guidance_scale: float
    height: int
    width: int
    seed: int
    scheduler: str


class Timings(Told):
    """Seconds that the picture took."""

    total: float


class Build(Told):
    """What painted it."""

    model: str
    device: str


class Result(Told):
    """How the picture was made."""

    build: Build
    timings: Timings
    prompt_tokens: int | None = None
    dropped_text: str = ""
    """What the model did not read of the prompt."""

    dropped_negative_text: str = ""
    """What it did not read of the negative one."""


class JobError(Told):
    """Why there is no picture."""

    type: str
    detail: str


class Job(Told):
    """A job: its state, its place, its progress, and in the end a result or an error."""

    id: str
    state: JobState
    created_at: datetime
    position: int | None
    eta_seconds: float | None
    progress: Progress
    attempt: int
    request: Request
    result: Result | None
    error: JobError | None
