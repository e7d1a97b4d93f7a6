"""What one caller does with its jobs; those of others are not there for it."""

from collections.abc import Collection, Sequence

from api.callers import Caller
from api.idempotency import IdempotencyKey
from api.job_page import JobPage
from api.job_pictures import JobPictures
from api.job_service import JobService
from api.job_submission import JobSubmission
from api.job_views import JobViews
from shared.errors import JobNotFound
from shared.image_store import Download
from shared.job_parts import JobState
from shared.job_view import JobView
from shared.jobs import Job


class OwnJobs:
    """What routes ask for of jobs. Every call is quick and may raise `RedisError`."""

    def __init__(
        self, service: JobService, views: JobViews, pictures: JobPictures, caller: Caller
    ) -> None:
        self._service = service
        self._views = views
        self._pictures = pictures
        self._caller = caller

    def submit(
        self,
        submission: JobSubmission,
        key: IdempotencyKey | None = None,
        *,
        alone: bool = False,
    ) -> Job:
        """Queue a job of this caller, or find the one of the key; see `JobService.submit`."""
        return self._service.submit(submission, self._caller, key, alone=alone)

    def get(self, job_id: str) -> Job:
        """Give a job.

        Raises:
            JobNotFound: This caller never had such a job.
            JobExpired: It ended, and its record is gone.
        """
        job = self._service.get(job_id)
        if job.owner != self._caller.name:
            raise JobNotFound(job_id)
        return job

    def cancel(self, job_id: str) -> Job:
        """Cancel exactly this job; what has ended stays as it is."""
        return self._service.cancel(self.get(job_id).id)

    def view(self, job: Job) -> JobView:
        """Give a job as clients see it."""
        return self._views.of(job)

    def image(self, job: Job) -> Download:
        """Give the PNG of a job; see `JobPictures.open`."""
        return self._pictures.open(job)

    def signed_url(self, job: Job) -> str | None:
        """Give an address of the PNG that needs no key; see `JobPictures.signed_url`."""
        return self._pictures.signed_url(job)

    def page(
        self, states: Collection[JobState] = (), *, limit: int, cursor: str | None = None
    ) -> JobPage:
        """Give jobs in these states, or in any, newest first, from the cursor on."""
        return self._views.page(self._caller.name, states, limit=limit, cursor=cursor)

    def views(self, jobs: Sequence[Job]) -> list[JobView]:
        """Give several jobs as clients see them, in few round trips."""
        return self._views.of_all(jobs)
