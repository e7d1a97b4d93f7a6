"""Submit, look up, cancel; no HTTP inside."""

from uuid import uuid4

from api.admission import Admission
from api.callers import Caller
from api.idempotency import IdempotencyKey
from api.job_submission import JobSubmission
from api.request_completer import RequestCompleter
from shared.delivery_hint import hint_delivery
from shared.dispatcher import Dispatcher
from shared.errors import IdempotencyConflict, JobExpired, JobNotFound
from shared.job_context import described
from shared.job_parts import CancelReason, JobState, lower
from shared.job_queue import JobQueue
from shared.job_store import IdempotencyClaim, JobStore
from shared.jobs import Job
from shared.live_workers import LiveWorkers, Moment
from shared.log import bound_request_id, get_logger, prompt_head
from shared.tracing import Tracing
from shared.worker_groups import groups_of

_log = get_logger(__name__)


class JobService:
    """What clients do with jobs. Every call is quick and may raise `RedisError`."""

    def __init__(
        self,
        *,
        store: JobStore,
        completer: RequestCompleter,
        admission: Admission,
        queue: JobQueue,
        workers: LiveWorkers,
        tracing: Tracing,
    ) -> None:
        self._store = store
        self._completer = completer
        self._admission = admission
        self._queue = queue
        self._dispatcher = Dispatcher(store, queue, workers)
        self._workers = workers
        self._tracing = tracing

    def submit(
        self,
        submission: JobSubmission,
        caller: Caller,
        key: IdempotencyKey | None = None,
        *,
        alone: bool = False,
    ) -> Job:
        """Queue a job, with the defaults filled in and its seed drawn, or find the one of the key.

        `alone` keeps its picture out of batches, for what is compared to the bit.

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
                    submission,
                    caller,
                    key,
                    moment,
                    alone=alone,
                    seed=seed,
                    traceparent=span.traceparent,
                )
                span.note(**described(job))
                claim = key.claim(job.id, submission) if key else None
                added = self._admission.admit(
                    job, caller, claim=claim, replaces=known, groups=groups_of(moment.alive)
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

    def cancel(self, job_id: str, reason: CancelReason = CancelReason.REQUESTED) -> Job:
        """Cancel exactly this job; what has ended stays as it is."""
        job = self._store.update(job_id, lambda job, now: job.cancel(now, reason))
        _log.info("cancel asked", job_id=job_id, reason=reason.value, state=job.state.value)
        hint_delivery(self._queue, job)
        if job.state is JobState.CANCELED:
            self._dispatcher.dispatch()  # Its message may have kept another's back.
        return job

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
        alone: bool,
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
            alone=alone,
            idempotency=key.hash if key else None,
            webhook_url=submission.webhook_url,
            request_id=bound_request_id(),
            traceparent=traceparent,
        )
