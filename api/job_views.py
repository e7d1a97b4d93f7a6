"""Jobs as clients see them: one, several, or a page of an owner's."""

from collections.abc import Collection, Sequence

from api.forecast import Forecaster
from api.job_page import JobPage
from shared.job_listing import JobListing
from shared.job_parts import JobState
from shared.job_store import JobStore
from shared.job_view import JobView
from shared.jobs import Job


class JobViews:
    """Says of jobs where they stand in the queue, and until when; may raise `RedisError`."""

    def __init__(self, store: JobStore, listing: JobListing, forecaster: Forecaster) -> None:
        self._store = store
        self._listing = listing
        self._forecaster = forecaster

    def of(self, job: Job) -> JobView:
        """Give a job with its place in the queue and its estimate."""
        return self.of_all([job])[0]

    def of_all(self, jobs: Sequence[Job]) -> list[JobView]:
        """Give several jobs in few round trips."""
        waiting = [job.id for job in jobs if job.state is JobState.QUEUED]
        positions = dict(zip(waiting, self._store.positions(waiting), strict=True))
        return [
            JobView.of(
                job,
                self._forecaster.position(job, positions.get(job.id)),
                self._forecaster.eta_seconds(job, positions.get(job.id)),
            )
            for job in jobs
        ]

    def page(
        self,
        owner: str,
        states: Collection[JobState] = (),
        *,
        limit: int,
        cursor: str | None = None,
    ) -> JobPage:
        """Give an owner's jobs in these states, or in any, newest first, from the cursor on."""
        page = self._listing.page(owner, states, limit=limit, cursor=cursor)
        return JobPage(jobs=self.of_all(page.jobs), next_cursor=page.next_cursor)
