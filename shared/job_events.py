"""What is told of a job while it lives: each change of its record is one event."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, JsonValue

from shared.job_parts import JobState
from shared.jobs import Job


class EventType(StrEnum):
    """The names of the events; the three after `canceling` are the last of their job."""

    QUEUED = "queued"
    STARTED = "started"
    STEP = "step"
    PREVIEW = "preview"
    CANCELING = "canceling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    GAP = "gap"

    @property
    def is_final(self) -> bool:
        """Nothing comes after it."""
        return self in _FINAL


_FINAL = frozenset({EventType.SUCCEEDED, EventType.FAILED, EventType.CANCELED})


class JobEvent(BaseModel):
    """Something that happened to a job."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    type: EventType
    data: dict[str, JsonValue]
    number: int | None = None
    """1 for the job's first, 2 for its second; None where it is not kept."""


def event_of(before: Job | None, after: Job, now: datetime) -> JobEvent | None:
    """Tell what the change from `before` to `after` was, if there is something to tell."""
    if before is None or before.state is not after.state:
        return JobEvent(type=_TYPE_OF[after.state], data=_data_of_state(after, now))
    if after.progress.step > before.progress.step:
        step = {**after.progress.model_dump(), "eta_seconds": after.eta_seconds(now)}
        return JobEvent(type=EventType.STEP, data=step)
    return None


_TYPE_OF = {
    JobState.QUEUED: EventType.QUEUED,
    JobState.RUNNING: EventType.STARTED,
    JobState.CANCELING: EventType.CANCELING,
    JobState.SUCCEEDED: EventType.SUCCEEDED,
    JobState.FAILED: EventType.FAILED,
    JobState.CANCELED: EventType.CANCELED,
}


def _data_of_state(job: Job, now: datetime) -> dict[str, JsonValue]:
    match job.state:
        case JobState.RUNNING:
            return {"attempt": job.attempt, "eta_seconds": job.eta_seconds(now)}
        case JobState.CANCELING:
            return {"step": job.progress.step, "total": job.progress.total}
        case _:
            return {}  # The queue changes, and the record of an ended job says it all.
