"""What is told of a job while it lives: each change of its record is one event."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, JsonValue

from shared.job_parts import JobState, Progress
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


def events_of(before: Job | None, after: Job, now: datetime) -> list[JobEvent]:
    """Tell what there is to tell of the change from `before` to `after`, in its order.

    Several steps may be written as one change; each of them is an event.
    """
    if before is None:
        return [_state_of(after, now)]
    steps = range(before.progress.step + 1, after.progress.step + 1)
    told = [_step_of(after, step, now) for step in steps]
    return told if before.state is after.state else [*told, _state_of(after, now)]


def _step_of(job: Job, step: int, now: datetime) -> JobEvent:
    progress = Progress.at(step, job.progress.total)
    data = {**progress.model_dump(), "eta_seconds": job.eta_seconds(now)}
    return JobEvent(type=EventType.STEP, data=data)


def _state_of(job: Job, now: datetime) -> JobEvent:
    return JobEvent(type=_TYPE_OF[job.state], data=_data_of_state(job, now))


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
