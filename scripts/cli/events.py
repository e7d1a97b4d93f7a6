"""What happens to a job, as the service's events or the job itself tell it."""

from httpx_sse import ServerSentEvent
from pydantic import BaseModel, ValidationError

from scripts.cli.failures import ConnectionLost
from scripts.cli.job import Job, Told
from shared.job_parts import JobState


class Queued(Told):
    """It waits."""

    position: int | None
    eta_seconds: float | None


class Started(Told):
    """A worker has it."""

    attempt: int
    eta_seconds: float | None = None


class Step(Told):
    """A sampler step is done."""

    step: int
    total: int
    eta_seconds: float | None = None


class Canceling(Told):
    """It stops at its next step."""

    step: int
    total: int


class Ended(BaseModel):
    """Nothing comes after this."""

    job: Job


Event = Queued | Started | Step | Canceling | Ended

_KINDS: dict[str, type[Queued | Started | Step | Canceling]] = {
    "queued": Queued,
    "started": Started,
    "step": Step,
    "canceling": Canceling,
}
_FINAL = frozenset(state.value for state in JobState if state.is_final)


def read_event(message: ServerSentEvent) -> Event | None:
    """Give what a message tells; None for what this program has no use for.

    Raises:
        ConnectionLost: It cannot be read.
    """
    try:
        if message.event in _FINAL:
            return Ended(job=Job.model_validate_json(message.data))
        if kind := _KINDS.get(message.event):
            return kind.model_validate_json(message.data)
    except ValidationError:
        reason = f"the service sent an event {message.event!r} that cannot be read"
        raise ConnectionLost(reason) from None
    return None


def event_of(job: Job) -> Event:
    """Give the event that would have led to the job as it stands."""
    step, total = job.progress.step, job.progress.total
    match job.state:
        case JobState.QUEUED:
            return Queued(position=job.position, eta_seconds=job.eta_seconds)
        case JobState.RUNNING:
            return Step(step=step, total=total, eta_seconds=job.eta_seconds)
        case JobState.CANCELING:
            return Canceling(step=step, total=total)
        case _:
            return Ended(job=job)
