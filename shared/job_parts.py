"""What a job's record is made of."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict


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


class Priority(StrEnum):
    """Which of two queues a job waits in: the second is served while the first is empty."""

    NORMAL = "normal"
    LOW = "low"


def lower(one: Priority, other: Priority) -> Priority:
    """Give the lower of two priorities."""
    return Priority.LOW if Priority.LOW in {one, other} else Priority.NORMAL


class Progress(BaseModel):
    """How far a job is: sampler steps done, of how many."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

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
    LORA_UNUSABLE = "lora_unusable"
    PROMPT_TOO_LONG = "prompt_too_long"
    CONTENT_BLOCKED = "content_blocked"
    WORKER_LOST = "worker_lost"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    STORAGE_UNAVAILABLE = "storage_unavailable"
    INPUT_GONE = "input_gone"
    INTERNAL_ERROR = "internal_error"
    MODEL_UNAVAILABLE = "model_unavailable"


class JobFailure(BaseModel):
    """Why a job failed, in a form that a client may see."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    type: FailureType
    """A stable word to branch on."""

    detail: str
    """A sentence for people; no path, key or traceback."""


class CancelReason(StrEnum):
    """Who asked for the end of a job."""

    REQUESTED = "requested"
    CLIENT_DISCONNECTED = "client_disconnected"
    SERIES_REFUSED = "series_refused"
    """The other pictures of its call were not admitted."""


class Cancellation(BaseModel):
    """The receipt of a cancel."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    reason: CancelReason
    requested_at: datetime
    step: int = 0
    """Sampler steps that were done when the job stopped."""

    worker_seconds: float = 0
    """Time that the worker had spent on the stopped attempt."""


class Attempt(BaseModel):
    """One run of a job by one worker."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    worker: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: JobState | None = None
    """The state it left the job in: `queued` where its worker was lost; null while it runs."""
