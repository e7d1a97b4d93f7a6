"""How far the client's oldest job is, as A1111 tells it."""

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict

from api.own_jobs import OwnJobs
from shared.event_log import EventLog
from shared.job_parts import JobState
from shared.job_view import JobView

_UNFINISHED = (
    (JobState.RUNNING, JobState.CANCELING),
    (JobState.QUEUED,),
)
"""Where the oldest is looked for, first here, then there."""


class ProgressState(BaseModel):
    """Where it stands."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    job: str = ""
    """The job's id, for `/jobs/{id}`; empty where there is none."""

    job_count: int = 0
    """1 while there is a job: each picture is one."""

    job_no: int = 0
    job_timestamp: str = "0"
    sampling_step: int = 0
    sampling_steps: int = 0
    interrupted: bool = False
    """It is being canceled."""

    skipped: bool = False
    stopping_generation: bool = False


class ProgressAnswer(BaseModel):
    """How far the oldest unfinished job is."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    progress: float = 0
    """0 to 1; 0 also where there is no job."""

    eta_relative: float = 0
    """Seconds until the picture is expected; 0 also where that is not known."""

    state: ProgressState = ProgressState()
    current_image: str | None = None
    """The last preview, a JPEG in base64; they come once somebody has asked for the progress."""

    textinfo: str | None = None
    """What it waits for."""

    @classmethod
    def of(cls, job: JobView, preview: str | None) -> Self:
        """Tell of a job."""
        is_canceling = job.state is JobState.CANCELING
        return cls(
            progress=job.progress.fraction,
            eta_relative=job.eta_seconds or 0,
            state=ProgressState(
                job=job.id,
                job_count=1,
                job_timestamp=job.created_at.strftime("%Y%m%d%H%M%S"),
                sampling_step=job.progress.step,
                sampling_steps=job.progress.total,
                interrupted=is_canceling,
                stopping_generation=is_canceling,
            ),
            current_image=preview,
            textinfo=None if job.position is None else _waiting(job.position),
        )


class ProgressReader:
    """Looks at the oldest unfinished job."""

    def __init__(self, jobs: OwnJobs, log: EventLog, *, limit: int) -> None:
        """Take how many jobs can be unfinished."""
        self._jobs = jobs
        self._log = log
        self._limit = limit

    def read(self, *, with_preview: bool) -> ProgressAnswer:
        """Tell how far it is; asks for a preview for the next time."""
        for states in _UNFINISHED:
            page = self._jobs.page(states, limit=self._limit)
            if page.jobs:
                return self._tell(page.jobs, with_preview=with_preview)
        return ProgressAnswer()

    def _tell(self, newest_first: Sequence[JobView], *, with_preview: bool) -> ProgressAnswer:
        job = newest_first[-1]
        preview = None
        if with_preview:
            self._log.want_previews(job.id)
            preview = self._log.last_preview(job.id)
        return ProgressAnswer.of(job, preview)


def _waiting(position: int) -> str:
    return f"Waiting; {position} before it." if position else "Waiting; it is next."
