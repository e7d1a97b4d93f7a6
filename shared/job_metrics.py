"""What is counted of the lives of jobs, in whichever process each change is made.

Every change is written by exactly one process, which counts it; the sum over all of them is the
truth.
"""

from datetime import timedelta

from prometheus_client import CollectorRegistry, Counter, Histogram

from shared.exposition import PREFIX
from shared.job_parts import CancelReason, FailureType, JobState
from shared.jobs import Job
from shared.webhook import Delivery, WebhookState

_WAIT_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)
_JOB_SECONDS = (0.5, 1, 2, 3, 5, 7.5, 10, 15, 30, 60, 120, 300, 600, 1800)
_OUTCOMES = _TAKEN, _REFUSED, _NO_ANSWER = "taken", "refused", "no_answer"
_CANCEL_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class JobMetrics:
    """Counts changes of jobs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._submitted = Counter(
            f"{PREFIX}jobs_submitted", "Jobs that were admitted.", registry=registry
        )
        self._attempts = Counter(
            f"{PREFIX}attempts", "Attempts at jobs that workers have started.", registry=registry
        )
        self._recoveries = Counter(
            f"{PREFIX}recoveries",
            "Jobs that went back to the queue because their worker was lost.",
            registry=registry,
        )
        self._cancels = Counter(
            f"{PREFIX}cancels", "Jobs that were asked to stop.", ["reason"], registry=registry
        )
        self._finished = Counter(
            f"{PREFIX}jobs_finished",
            "Jobs that have ended, by their final state and, but for success, by the reason.",
            ["state", "reason"],
            registry=registry,
        )
        self._queue_wait = Histogram(
            f"{PREFIX}queue_wait_seconds",
            "Time from a job's submission, or the loss of its worker, to the start of an attempt.",
            buckets=_WAIT_SECONDS,
            registry=registry,
        )
        self._job = Histogram(
            f"{PREFIX}job_seconds",
            "Time from a job's submission to its end.",
            ["state"],
            buckets=_JOB_SECONDS,
            registry=registry,
        )
        self._cancel = Histogram(
            f"{PREFIX}cancel_seconds",
            "Time from the wish that a job stop to its end.",
            buckets=_CANCEL_SECONDS,
            registry=registry,
        )
        self._deliveries = Counter(
            f"{PREFIX}webhook_deliveries",
            "Tries to tell a receiver of a job's end, by what came of them.",
            ["outcome"],
            registry=registry,
        )
        self._webhooks = Counter(
            f"{PREFIX}webhooks_finished",
            "Webhooks that were delivered, or have failed for good.",
            ["state"],
            registry=registry,
        )
        self._begin_at_zero()

    def changed(self, before: Job | None, after: Job) -> None:
        """Count a change; to be told of each one once."""
        if before is None:
            self._submitted.inc()
            return
        if before.state is after.state:
            self._count_deliveries(before, after)
            return
        if before.cancellation is None and after.cancellation is not None:
            self._cancels.labels(after.cancellation.reason.value).inc()
        if after.state is JobState.RUNNING:
            self._attempts.inc()
            self._queue_wait.observe(_seconds(_waited(after)))
        elif after.state is JobState.QUEUED:
            self._recoveries.inc()
        elif after.state.is_final:
            self._count_end(after)

    def _count_end(self, job: Job) -> None:
        assert job.finished_at is not None
        self._finished.labels(job.state.value, _reason(job)).inc()
        self._job.labels(job.state.value).observe(_seconds(job.finished_at - job.created_at))
        if job.state is JobState.CANCELED and job.cancellation is not None:
            self._cancel.observe(_seconds(job.finished_at - job.cancellation.requested_at))

    def _count_deliveries(self, before: Job, after: Job) -> None:
        if before.webhook is None or after.webhook is None:
            return
        for delivery in after.webhook.deliveries[len(before.webhook.deliveries) :]:
            self._deliveries.labels(_outcome(delivery)).inc()
        if after.webhook.state is not before.webhook.state:
            self._webhooks.labels(after.webhook.state.value).inc()

    def _begin_at_zero(self) -> None:
        """Show every series from the start, so that the first event is an increase."""
        self._finished.labels(JobState.SUCCEEDED.value, "")
        for failure in FailureType:
            self._finished.labels(JobState.FAILED.value, failure.value)
        for reason in CancelReason:
            self._finished.labels(JobState.CANCELED.value, reason.value)
            self._cancels.labels(reason.value)
        for state in JobState:
            if state.is_final:
                self._job.labels(state.value)
        for outcome in _OUTCOMES:
            self._deliveries.labels(outcome)
        for ended in (WebhookState.DELIVERED, WebhookState.FAILED):
            self._webhooks.labels(ended.value)


def _waited(job: Job) -> timedelta:
    *earlier, attempt = job.attempts
    since = earlier[-1].ended_at if earlier else None
    return attempt.started_at - (since or job.created_at)


def _reason(job: Job) -> str:
    if job.error is not None:
        return job.error.type.value
    return job.cancellation.reason.value if job.cancellation is not None else ""


def _outcome(delivery: Delivery) -> str:
    if delivery.succeeded:
        return _TAKEN
    return _NO_ANSWER if delivery.status is None else _REFUSED


def _seconds(time: timedelta) -> float:
    return max(time.total_seconds(), 0.0)
