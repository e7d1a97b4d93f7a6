"""Submit, look up, cancel; no HTTP inside."""

import math
from collections.abc import Collection, Sequence
from uuid import uuid4

from api.callers import Caller
from api.forecast import Forecaster
from api.idempotency import IdempotencyKey
from api.job_page import JobPage
from api.job_submission import JobSubmission
from api.request_completer import RequestCompleter
from shared.delivery_hint import hint_delivery
from shared.dispatcher import Dispatcher
from shared.errors import (
    ContentBlocked,
    GenerationFailed,
    IdempotencyConflict,
    JobCanceled,
    JobExpired,
    JobNotFinished,
    JobNotFound,
    QueueFull,
    RateLimited,
)
from shared.image_store import Download, ImageStore
from shared.job_context import described
from shared.job_listing import JobListing
from shared.job_parts import CancelReason, FailureType, JobState, lower
from shared.job_queue import JobQueue
from shared.job_store import Added, AdmissionRefused, IdempotencyClaim, JobStore, OwnLimitReached
from shared.job_view import JobView
from shared.jobs import Job
from shared.live_workers import LiveWorkers, Moment
from shared.log import bound_request_id, get_logger, prompt_head
from shared.tracing import Tracing
from shared.worker_groups import WorkerGroup, groups_of

_log = get_logger(__name__)

_UNKNOWN_WAIT_SECONDS = 10


class JobService:
    """What clients do with jobs. Every call is quick and may raise `RedisError`."""

    def __init__(
        self,
        *,
        store: JobStore,
        completer: RequestCompleter,
        images: ImageStore,
        queue: JobQueue,
        workers: LiveWorkers,
        listing: JobListing,
        forecaster: Forecaster,
        limit: int,
        tracing: Tracing,
    ) -> None:
        self._store = store
        self._completer = completer
        self._images = images
        self._queue = queue
        self._dispatcher = Dispatcher(store, queue, workers)
        self._workers = workers
        self._listing = listing
        self._forecaster = forecaster
        self._limit = limit
        self._tracing = tracing

    def submit(
        self, submission: JobSubmission, caller: Caller, key: IdempotencyKey | None = None
    ) -> Job:
        """Queue a job, with the defaults filled in and its seed drawn, or find the one of the key.

        Raises:
            IdempotencyConflict: The key came first with another request.
            LoraUnknown: It names one that is not there.
            InvalidRequest: A prompt is too long, and the policy refuses those.
            InputRefused: A picture to begin with is not there, or not any more.
            ModelNotLoaded: No worker lives that paints it or will.
            ModelUnknown: There is no such model.
            QueueFull: As many jobs as are admitted wait or run.
            RateLimited: As many of this caller's as it may have do.
        """
        known = self._store.claim_of(key.hash) if key else None
        while True:
            earlier = self._find(known, submission, key) if known and key else None
            if earlier is not None and not earlier.was_abandoned:
                return earlier
            # A client that left and has come back gets the picture it would have got.
            seed = earlier.request.seed if earlier else None
            with self._tracing.span("enqueue", kind="producer") as span:
                moment = self._workers.look()
                job = self._new_job(
                    submission, caller, key, moment, seed=seed, traceparent=span.traceparent
                )
                span.note(**described(job))
                claim = key.claim(job.id, submission) if key else None
                added = self._add(
                    job, caller, claim, replaces=known, groups=groups_of(moment.alive)
                )
                known = added.known
                if known is None:
                    self._completer.keep_pictures(job.request, job.owner)
                    self._dispatcher.send(added.released, job)
                    _log.info("job queued", job_id=job.id, prompt=prompt_head(job.request.prompt))
                    return job

    def get(self, job_id: str) -> Job:
        """Give a job.

        Raises:
            JobNotFound: There was never such a job.
            JobExpired: It ended, and its record is gone.
        """
        return self._store.get(job_id)

    def view(self, job: Job) -> JobView:
        """Give a job as clients see it, with its place in the queue and its estimate."""
        return self.views([job])[0]

    def views(self, jobs: Sequence[Job]) -> list[JobView]:
        """Give several jobs as clients see them, in few round trips."""
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
        return JobPage(jobs=self.views(page.jobs), next_cursor=page.next_cursor)

    def cancel(self, job_id: str, reason: CancelReason = CancelReason.REQUESTED) -> Job:
        """Cancel exactly this job; what has ended stays as it is."""
        job = self._store.update(job_id, lambda job, now: job.cancel(now, reason))
        _log.info("cancel asked", job_id=job_id, reason=reason.value, state=job.state.value)
        hint_delivery(self._queue, job)
        if job.state is JobState.CANCELED:
            self._dispatcher.dispatch()  # Its message may have kept another's back.
        return job

    def image(self, job: Job) -> Download:
        """Give the PNG of a job.

        Raises:
            ContentBlocked: The safety checker did not let it through.
            GenerationFailed: It ended without one.
            JobCanceled: It was canceled.
            JobNotFinished: It has not ended.
            JobExpired: The picture is gone.
            StorageUnavailable: What keeps it does not answer.
        """
        self._require_picture(job)
        return self._images.open(job)

    def signed_url(self, job: Job) -> str | None:
        """Give an address at which anyone finds the PNG for a while; None where there is none.

        Raises:
            ServiceError: There is no picture; see `image`.
        """
        self._require_picture(job)
        return self._images.signed_url(job)

    def _require_picture(self, job: Job) -> None:
        if job.error is not None and job.error.type is FailureType.CONTENT_BLOCKED:
            raise ContentBlocked(job.id, job.error.detail)
        if job.error is not None:
            raise GenerationFailed(job.id, job.error.type, job.error.detail)
        if job.state is JobState.CANCELED:
            raise JobCanceled(job.id)
        if job.state is not JobState.SUCCEEDED:
            raise JobNotFinished(job.id, job.state)

    def _find(
        self, known: IdempotencyClaim, submission: JobSubmission, key: IdempotencyKey
    ) -> Job | None:
        if key.claim(known.job_id, submission) != known:
            raise IdempotencyConflict(known.job_id)
        try:
            return self._store.get(known.job_id)
        except (JobNotFound, JobExpired):
            return None

    def _new_job(
        self,
        submission: JobSubmission,
        caller: Caller,
        key: IdempotencyKey | None,
        moment: Moment,
        *,
        seed: int | None,
        traceparent: str | None,
    ) -> Job:
        request = self._completer.complete(submission.request, caller.name, moment.alive, seed=seed)
        return Job.queued(
            str(uuid4()),
            request,
            moment.now,
            owner=caller.name,
            priority=lower(caller.priority, submission.priority),
            idempotency=key.hash if key else None,
            webhook_url=submission.webhook_url,
            request_id=bound_request_id(),
            traceparent=traceparent,
        )

    def _add(
        self,
        job: Job,
        caller: Caller,
        claim: IdempotencyClaim | None,
        *,
        replaces: IdempotencyClaim | None,
        groups: Sequence[WorkerGroup],
    ) -> Added:
        own_limit = caller.max_jobs
        try:
            return self._store.add(
                job,
                limit=self._limit,
                own_limit=own_limit,
                claim=claim,
                replaces=replaces,
                groups=groups,
            )
        except AdmissionRefused:
            raise QueueFull(self._limit, self._seconds_until_room()) from None
        except OwnLimitReached:
            limit = f"{own_limit} jobs at once that wait or run"
            raise RateLimited(limit, self._seconds_until_room()) from None

    def _seconds_until_room(self) -> int:
        seconds = self._forecaster.current().first_end_seconds
        return max(math.ceil(seconds), 1) if seconds is not None else _UNKNOWN_WAIT_SECONDS
