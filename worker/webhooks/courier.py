"""Does one delivery: claim, send, write how it went."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict

from shared.errors import JobExpired, JobNotFound, TransitionRefused
from shared.job_store import JobStore
from shared.job_view import JobView
from shared.jobs import Job
from shared.log import get_logger
from shared.webhook import DELAYS, Delivery, Webhook
from worker.patience import patiently
from worker.webhooks.delivery import Sender
from worker.webhooks.signature import signed_headers

_log = get_logger(__name__)

DUE_AGAIN = timedelta(minutes=1)
"""After which a delivery is repeated whose worker fell silent: longer than any takes."""


class JobEnded(BaseModel):
    """What a webhook is told."""

    model_config = ConfigDict(frozen=True)

    type: str
    """`job.succeeded`, `job.failed` or `job.canceled`."""

    timestamp: datetime
    """When the job ended."""

    data: JobView

    @classmethod
    def of(cls, job: Job) -> Self:
        """Tell of a job as it ended, so that every try sends the same bytes."""
        assert job.finished_at is not None
        assert job.webhook is not None
        ended = job.model_copy(update={"webhook": Webhook(url=job.webhook.url)})
        return cls(
            type=f"job.{job.state}",
            timestamp=job.finished_at,
            data=JobView.of(ended),
        )


class Courier:
    """Delivers webhooks by the ids of their jobs."""

    def __init__(
        self,
        store: JobStore,
        sender: Sender,
        secrets: Sequence[bytes],
        *,
        delays: Sequence[timedelta] = DELAYS,
        due_again: timedelta = DUE_AGAIN,
    ) -> None:
        self._store = store
        self._sender = sender
        self._secrets = secrets
        self._delays = delays
        self._due_again = due_again

    def deliver(self, job_id: str) -> None:
        """Try once, unless it is not due: a message may come twice, late, or for a job long gone.

        Raises:
            RedisError: It does not answer, and the delivery is repeated.
        """
        try:
            job = self._store.update(
                job_id, lambda job, now: job.start_delivery(self._due_again, now)
            )
            delivery = self._try(job)
            patiently(lambda: self._record(job_id, delivery))
        except TransitionRefused as refusal:
            _log.info("nothing to deliver", job_id=job_id, reason=str(refusal))
        except (JobNotFound, JobExpired) as gone:
            self._store.forget(job_id)
            _log.info("nothing to deliver", job_id=job_id, reason=str(gone))

    def _try(self, job: Job) -> Delivery:
        assert job.webhook is not None
        at = self._store.now()
        content = JobEnded.of(job).model_dump_json().encode()
        headers = signed_headers(f"msg_{job.id}", at, content, self._secrets)
        answer = self._sender.send(job.webhook.url, content, headers)
        return Delivery(at=at, status=answer.status, error=answer.error)

    def _record(self, job_id: str, delivery: Delivery) -> None:
        job = self._store.update(
            job_id, lambda job, now: job.record_delivery(delivery, now, self._delays)
        )
        assert job.webhook is not None
        _log.info(
            "webhook tried",
            job_id=job_id,
            status=delivery.status,
            error=delivery.error,
            state=job.webhook.state.value,
        )
