"""A job as clients see it."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict

from shared.generation import GenerationRequest, GenerationResult
from shared.job_parts import Cancellation, JobFailure, JobState, Priority, Progress
from shared.jobs import Job
from shared.webhook import Webhook


class JobUrls(BaseModel):
    """Where to go from here, relative to the server."""

    self: str
    image: str
    events: str
    cancel: str


class AttemptView(BaseModel):
    """One run of the job, without the worker's name."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    started_at: datetime
    ended_at: datetime | None
    outcome: JobState | None
    """The state it left the job in: `queued` where its worker was lost; null while it runs."""


class JobView(BaseModel):
    """A job: its state, its place, its progress, and in the end a result or an error."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    id: str
    state: JobState
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    position: int | None
    """Jobs that wait before this one: 0 is next, null unless queued."""

    eta_seconds: float | None
    """Estimated seconds until the picture is there; null where nothing is known, and at the end."""

    progress: Progress
    attempt: int
    """How many workers have started on it; above 1 where one was lost."""

    attempts: tuple[AttemptView, ...]
    """Each of them, oldest first."""

    request: GenerationRequest
    """What is painted, with the defaults filled in and the seed that was drawn."""

    priority: Priority

    result: GenerationResult | None
    error: JobFailure | None
    cancellation: Cancellation | None
    """Who canceled it, and what had been done by then."""

    webhook: Webhook | None
    """Who is told of its end, and how that went; null where nobody is."""

    urls: JobUrls

    @classmethod
    def of(cls, job: Job, position: int | None = None, eta_seconds: float | None = None) -> Self:
        """Show a job, where it stands in the queue, and when its picture is expected."""
        own = {name: getattr(job, name) for name in cls.model_fields if name in _OWN}
        url = f"/jobs/{job.id}"
        urls = JobUrls(self=url, image=f"{url}/image", events=f"{url}/events", cancel=url)
        return cls(**own, position=position, eta_seconds=eta_seconds, urls=urls)


_OWN = frozenset(JobView.model_fields) - {"position", "eta_seconds", "urls"}
