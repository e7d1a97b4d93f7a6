"""A job's record and its life, as pure transitions; the store applies them."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict

from shared.errors import AttemptLost, JobAlreadyTaken
from shared.generation import GenerationRequest, GenerationResult


class JobState(StrEnum):
    """Where a job stands; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELING = "canceling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        """Nothing leaves a final state."""
        return self in _FINAL

    @property
    def is_held(self) -> bool:
        """A worker holds a lease on the job."""
        return self in _HELD


_FINAL = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELED})
_HELD = frozenset({JobState.RUNNING, JobState.CANCELING})


class Progress(BaseModel):
    """How far a job is: sampler steps done, of how many."""

    model_config = ConfigDict(frozen=True)

    step: int
    total: int
    fraction: float
    """0 to 1; 1 only when the picture is there, so decoding counts as one more step."""

    @classmethod
    def at(cls, step: int, total: int) -> Self:
        """Give the progress after `step` of `total` sampler steps."""
        return cls(step=step, total=total, fraction=round(step / (total + 1), 4))

    def completed(self) -> Self:
        """Give the progress of a finished picture."""
        return self.model_copy(update={"step": self.total, "fraction": 1.0})


class FailureType(StrEnum):
    """The stable words for why a job failed."""

    GPU_OUT_OF_MEMORY = "gpu_out_of_memory"
    NAN_OUTPUT = "nan_output"
    WORKER_LOST = "worker_lost"
    INTERNAL_ERROR = "internal_error"


class JobFailure(BaseModel):
    """Why a job failed, in a form that a client may see."""

    model_config = ConfigDict(frozen=True)

    type: FailureType
    """A stable word to branch on."""

    detail: str
    """A sentence for people; no path, key or traceback."""


class Job(BaseModel):
    """A request with an id, a state, progress, and in the end a result or an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    state: JobState
    request: GenerationRequest
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempt: int = 0
    """How many workers have claimed the job so far."""

    token: str | None = None
    """Fences off the late writes of older attempts; never shown to clients."""

    worker: str | None = None
    progress: Progress
    result: GenerationResult | None = None
    error: JobFailure | None = None

    @classmethod
    def queued(cls, job_id: str, request: GenerationRequest, now: datetime) -> Self:
        """Give a new job that waits for a worker."""
        return cls(
            id=job_id,
            state=JobState.QUEUED,
            request=request,
            created_at=now,
            progress=Progress.at(0, request.num_inference_steps),
        )

    def claim(self, token: str, worker: str, now: datetime) -> Self:
        """Start an attempt; a claim repeated after a lost reply finds its own token and goes on.

        Raises:
            JobAlreadyTaken: Another attempt has it, or it has ended.
        """
        if self.state.is_held and self.token == token:
            return self
        if self.state is not JobState.QUEUED:
            raise JobAlreadyTaken(self.id, self.state)
        return self._evolve(
            state=JobState.RUNNING,
            attempt=self.attempt + 1,
            token=token,
            worker=worker,
            started_at=now,
            progress=Progress.at(0, self.progress.total),
        )

    def advance(self, token: str, step: int) -> Self:
        """Record that the attempt has done `step` sampler steps; never goes back.

        Raises:
            AttemptLost: The attempt does not hold the job any more.
        """
        self._check_holder(token)
        if step <= self.progress.step:
            return self
        return self._evolve(progress=Progress.at(step, self.progress.total))

    def succeed(self, token: str, result: GenerationResult, now: datetime) -> Self:
        """End with a picture, or canceled where a cancel came before it.

        Raises:
            AttemptLost: The attempt does not hold the job any more.
        """
        if self._ended_by(token):
            return self
        self._check_holder(token)
        if self.state is JobState.CANCELING:
            return self._end(JobState.CANCELED, now)
        return self._end(JobState.SUCCEEDED, now, result=result, progress=self.progress.completed())

    def fail(self, token: str, error: JobFailure, now: datetime) -> Self:
        """End without a picture.

        Raises:
            AttemptLost: The attempt does not hold the job any more.
        """
        if self._ended_by(token):
            return self
        self._check_holder(token)
        return self._end(JobState.FAILED, now, error=error)

    def cancel(self, now: datetime) -> Self:
        """Ask the job to stop: at once where it waits, at its next step where it runs."""
        match self.state:
            case JobState.QUEUED:
                return self._end(JobState.CANCELED, now)
            case JobState.RUNNING:
                return self._evolve(state=JobState.CANCELING)
            case _:
                return self

    def acknowledge_cancel(self, token: str, now: datetime) -> Self:
        """End as canceled: the attempt has stopped painting.

        Raises:
            AttemptLost: The attempt does not hold the job any more.
        """
        if self._ended_by(token):
            return self
        self._check_holder(token)
        return self._end(JobState.CANCELED, now)

    def lose_lease(self, max_attempts: int, now: datetime) -> Self:
        """Go back to the queue after the worker fell silent, or end where that happened too often.

        Raises:
            AttemptLost: No attempt holds the job.
        """
        if not self.state.is_held:
            raise AttemptLost(self.id)
        if self.state is JobState.CANCELING:
            return self._end(JobState.CANCELED, now)
        if self.attempt >= max_attempts:
            lost = f"The worker was lost {self.attempt} times while it painted this picture."
            return self._end(
                JobState.FAILED, now, error=JobFailure(type="worker_lost", detail=lost)
            )
        return self._evolve(
            state=JobState.QUEUED,
            token=None,
            worker=None,
            started_at=None,
            progress=Progress.at(0, self.progress.total),
        )

    def _check_holder(self, token: str) -> None:
        if not self.state.is_held or self.token != token:
            raise AttemptLost(self.id)

    def _ended_by(self, token: str) -> bool:
        # The reply to a write can be lost, so the same attempt may end its job again.
        return self.state.is_final and self.token == token

    def _end(self, state: JobState, now: datetime, **changes: object) -> Self:
        return self._evolve(state=state, finished_at=now, **changes)

    def _evolve(self, **changes: object) -> Self:
        return self.model_copy(update=changes)
