"""What log lines and spans say of the job that they are about."""

from contextlib import AbstractContextManager

from structlog.contextvars import bound_contextvars

from shared.jobs import Job
from shared.tracing import Attribute, trace_id_of


def ids_of(job: Job) -> dict[str, str]:
    """Give the ids under which people look for a job in the log."""
    ids = {
        "job_id": job.id,
        "request_id": job.request_id,
        "trace_id": trace_id_of(job.traceparent),
    }
    return {name: value for name, value in ids.items() if value is not None}


def concerning(job: Job) -> AbstractContextManager[None]:
    """Put the ids of a job into every line of this thread."""
    return bound_contextvars(**ids_of(job))


def described(job: Job) -> dict[str, Attribute]:
    """Give what a span says of a job: never its prompt."""
    asked = job.request
    return {
        "job_id": job.id,
        "request_id": job.request_id,
        "size": f"{asked.width}x{asked.height}",
        "steps": asked.num_inference_steps,
        "scheduler": asked.scheduler.value,
    }
