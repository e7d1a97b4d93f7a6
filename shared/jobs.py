"""A job's record and its life, as pure transitions; the store applies them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict

from shared.errors import AttemptLost, DeliveryNotDue, JobAlreadyTaken, NotCanceling
from shared.generation import GenerationRequest, GenerationResult
from shared.job_parts import (
    Attempt,
    Cancellation,
    CancelReason,
    FailureType,
    JobFailure,
    JobState,
    Priority,
    Progress,
)
from shared.webhook import DELAYS, Delivery, Webhook

_ABANDONED = frozenset({CancelReason.CLIENT_DISCONNECTED, CancelReason.SERIES_REFUSED})


class Job(BaseModel):
    """A request with an id, a state, progress, and in the end a result or an error."""

    # What a newer version knows of a job beside its request, an older one passes over; but none may
    # paint a request of which it does not know everything.
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    state: JobState
    request: GenerationRequest
    created_at: datetime
    finished_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()
    progress: Progress
    result: GenerationResult | None = None
    error: JobFailure | None = None
    cancellation: Cancellation | None = None
    webhook: Webhook | None = None

    expected_at: datetime | None = None
    """When the running attempt expects to have the picture."""

    priority: Priority = Priority.NORMAL

    alone: bool = False
    """Whether its picture may be painted in no batch; for what is compared to the bit."""

    owner: str = ""
    """Name of the API key that made it, empty where none is needed; never shown to clients."""

    token: str | None = None
    """Fences off the late writes of older attempts; never shown to clients."""

    idempotency: str | None = None
    """Which idempotency key leads here, hashed; never shown to clients."""

    request_id: str | None = None
    """Of the HTTP request that submitted it."""

    traceparent: str | None = None
    """Where in a trace it was submitted, so that each attempt belongs to it; not for clients."""

    @classmethod
    def queued(
        cls,
        job_id: str,
        request: GenerationRequest,
        now: datetime,
        *,
        owner: str = "",
        priority: Priority = Priority.NORMAL,
        alone: bool = False,
        idempotency: str | None = None,
        webhook_url: str | None = None,
        request_id: str | None = None,
        traceparent: str | None = None,
    ) -> Self:
        """Give a new job that waits for a worker."""
        return cls(
            id=job_id,
            state=JobState.QUEUED,
            request=request,
            created_at=now,
            progress=Progress.at(0, request.steps_run),
            owner=owner,
            priority=priority,
            alone=alone,
            idempotency=idempotency,
            webhook=Webhook(url=webhook_url) if webhook_url else None,
            request_id=request_id,
            traceparent=traceparent,
        )

    @property
    def record(self) -> str:
        """The JSON to keep: without what nobody has set, so that older versions can read more."""
        return self.model_dump_json(exclude_unset=True)

    @property
    def attempt(self) -> int:
        """How many workers have claimed the job so far."""
        return len(self.attempts)

    @property
    def worker(self) -> str | None:
        """Who holds the job; None while nobody does."""
        return self.attempts[-1].worker if self.state.is_held else None

    @property
    def started_at(self) -> datetime | None:
        """When the last attempt started; None while the job waits."""
        waits = self.state is JobState.QUEUED or not self.attempts
        return None if waits else self.attempts[-1].started_at

    def eta_seconds(self, now: datetime) -> float | None:
        """Give the seconds until the picture is expected; None unless it is painted."""
        if self.state is not JobState.RUNNING or self.expected_at is None:
            return None
        return max(round((self.expected_at - now).total_seconds(), 1), 0.0)

    @property
    def was_abandoned(self) -> bool:
        """The job was canceled because nobody waited for it any more; one who comes may have it."""
        return self.cancellation is not None and self.cancellation.reason in _ABANDONED

    @property
    def delivery_due_at(self) -> datetime | None:
        """When the webhook is to be tried next; None where it is not."""
        return self.webhook.next_at if self.webhook else None

    def claim(
        self, token: str, worker: str, now: datetime, *, expected_at: datetime | None = None
    ) -> Self:
        """Start an attempt; a claim repeated after a lost reply finds its own token and goes on.

        Raises:
            JobAlreadyTaken: Another attempt has it, or it has ended.
        """
        if self.state.is_held and self.token == token:
            return self
        if self.state is not JobState.QUEUED:
            raise JobAlreadyTaken(self.id, self.state)
        attempt = Attempt(worker=worker, started_at=now)
        return self._evolve(
            state=JobState.RUNNING,
            token=token,
            attempts=(*self.attempts, attempt),
            expected_at=expected_at,
        )

    def advance(self, token: str, step: int, *, expected_at: datetime | None = None) -> Self:
        """Record that the attempt has done `step` sampler steps; never goes back.

        Raises:
            AttemptLost: The attempt does not hold the job any more.
        """
        self._check_holder(token)
        if step <= self.progress.step:
            return self
        progress = Progress.at(step, self.progress.total)
        return self._evolve(progress=progress, expected_at=expected_at)

    def succeed(self, token: str, result: GenerationResult, now: datetime) -> Self:
        """End with a picture, or canceled where a cancel came before it.

        Raises:
            AttemptLost: The attempt does not hold the job any more.
        """
        progress = self.progress.completed()
        return self._finish(token, JobState.SUCCEEDED, now, result=result, progress=progress)

    def fail(self, token: str, error: JobFailure, now: datetime) -> Self:
        """End without a picture, or canceled where a cancel came before it.

        Raises:
            AttemptLost: The attempt does not hold the job any more.
        """
        return self._finish(token, JobState.FAILED, now, error=error)

    def cancel(self, now: datetime, reason: CancelReason = CancelReason.REQUESTED) -> Self:
        """Ask the job to stop: at once where it waits, at its next step where it runs."""
        receipt = Cancellation(reason=reason, requested_at=now)
        match self.state:
            case JobState.QUEUED:
                return self._end(JobState.CANCELED, now, cancellation=receipt)
            case JobState.RUNNING:
                return self._evolve(state=JobState.CANCELING, cancellation=receipt)
            case _:
                return self

    def acknowledge_cancel(self, token: str, now: datetime) -> Self:
        """End as canceled: the attempt has stopped painting.

        Raises:
            AttemptLost: The attempt does not hold the job any more.
            NotCanceling: Nobody asked for it.
        """
        if self.state is JobState.RUNNING and self.token == token:
            raise NotCanceling(self.id)
        return self._finish(token, JobState.CANCELED, now)

    def lose_worker(self, max_attempts: int, now: datetime) -> Self:
        """Go back to the queue after the worker was lost, or end where that happened too often.

        Raises:
            AttemptLost: No attempt holds the job.
        """
        if not self.state.is_held:
            raise AttemptLost(self.id)
        if self.state is JobState.CANCELING:
            return self._stop(now)
        if self.attempt >= max_attempts:
            detail = f"The worker was lost {self.attempt} times while it painted this picture."
            lost = JobFailure(type=FailureType.WORKER_LOST, detail=detail)
            return self._end(JobState.FAILED, now, error=lost)
        return self._evolve(
            state=JobState.QUEUED,
            token=None,
            attempts=self._attempts_until(now, JobState.QUEUED),
            progress=Progress.at(0, self.progress.total),
            expected_at=None,
        )

    def expire(self, timeout: timedelta, now: datetime) -> Self:
        """End a job that has waited and run for longer than `timeout`."""
        if self.state.is_final or now - self.created_at <= timeout:
            return self
        if self.state is JobState.CANCELING:
            return self._stop(now)
        detail = f"The job has not ended within {timeout.total_seconds():g} seconds."
        late = JobFailure(type=FailureType.DEADLINE_EXCEEDED, detail=detail)
        return self._end(JobState.FAILED, now, error=late)

    def start_delivery(self, due_again: timedelta, now: datetime) -> Self:
        """Try the webhook; a try that is never heard of again is repeated after `due_again`.

        Raises:
            DeliveryNotDue: The job has not ended, or somebody else has told or tells of its end.
        """
        if self.webhook is None or self.webhook.next_at is None or self.webhook.next_at > now:
            raise DeliveryNotDue(self.id)
        return self._evolve(webhook=self.webhook.wait_until(now + due_again))

    def record_delivery(
        self, delivery: Delivery, now: datetime, delays: Sequence[timedelta] = DELAYS
    ) -> Self:
        """Keep how a try of the webhook went, and when the next one is.

        Raises:
            DeliveryNotDue: The job has no webhook, or has not ended.
        """
        if self.webhook is None or not self.state.is_final:
            raise DeliveryNotDue(self.id)
        return self._evolve(webhook=self.webhook.record(delivery, now, delays))

    def _check_holder(self, token: str) -> None:
        if not self.state.is_held or self.token != token:
            raise AttemptLost(self.id)

    def _finish(self, token: str, state: JobState, now: datetime, **changes: object) -> Self:
        # The reply to a write can be lost, so the same attempt may end its job again.
        if self.state.is_final and self.token == token:
            return self
        self._check_holder(token)
        if self.state is JobState.CANCELING:
            return self._stop(now)
        return self._end(state, now, **changes)

    def _stop(self, now: datetime) -> Self:
        assert self.cancellation is not None
        spent = (now - self.attempts[-1].started_at).total_seconds()
        update = {"step": self.progress.step, "worker_seconds": spent}
        receipt = self.cancellation.model_copy(update=update)
        return self._end(JobState.CANCELED, now, cancellation=receipt)

    def _end(self, state: JobState, now: datetime, **changes: object) -> Self:
        attempts = self._attempts_until(now, state)
        webhook = self.webhook.wait_until(now) if self.webhook else None
        return self._evolve(
            state=state, finished_at=now, attempts=attempts, webhook=webhook, **changes
        )

    def _attempts_until(self, now: datetime, outcome: JobState) -> tuple[Attempt, ...]:
        if not self.state.is_held:
            return self.attempts
        ended = self.attempts[-1].model_copy(update={"ended_at": now, "outcome": outcome})
        return (*self.attempts[:-1], ended)

    def _evolve(self, **changes: object) -> Self:
        return self.model_copy(update=changes)
