"""What a trace shows of a job on the workers: attempts, stages of the painting, deliveries."""

import time
from contextlib import AbstractContextManager

from shared.generation import Timings
from shared.job_context import described
from shared.jobs import Job
from shared.tracing import Span, Tracing


def attempt_span(tracing: Tracing, job: Job) -> AbstractContextManager[Span]:
    """Begin the span of the attempt that runs, after the one of the worker that was lost."""
    _record_lost(tracing, job)
    return tracing.span(
        "job", kind="consumer", parent=job.traceparent, attempt=job.attempt, **described(job)
    )


def delivery_span(tracing: Tracing, job: Job) -> AbstractContextManager[Span]:
    """Begin the span of a try to tell a webhook of a job's end."""
    assert job.webhook is not None
    return tracing.span(
        "deliver",
        kind="client",
        parent=job.traceparent,
        attempt=len(job.webhook.deliveries) + 1,
        job_id=job.id,
        request_id=job.request_id,
    )


def record_stages(tracing: Tracing, timings: Timings, *, store_seconds: float) -> None:
    """Tell of the stages: one came after the other, and the last of them ends now."""
    end = time.time()
    for stage, seconds in (
        ("store", store_seconds),
        ("encode", timings.encode),
        ("decode", timings.decode),
        ("denoise", timings.denoise),
        ("text", timings.text),
    ):
        tracing.record(stage, end - seconds, end)
        end -= seconds


def _record_lost(tracing: Tracing, job: Job) -> None:
    # The worker itself could not: it was gone.
    for lost in job.attempts[-2:-1]:
        assert lost.ended_at is not None
        tracing.record(
            "job",
            lost.started_at.timestamp(),
            lost.ended_at.timestamp(),
            parent=job.traceparent,
            error="worker lost",
            attempt=job.attempt - 1,
            **described(job),
        )
