"""Waking the delivery worker for a job that has ended."""

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from shared.job_queue import JobQueue
from shared.jobs import Job
from shared.log import get_logger

_log = get_logger(__name__)


def hint_delivery(queue: JobQueue, job: Job) -> None:
    """Send a message where a webhook is due; one that cannot be sent is left to the reaper."""
    if job.delivery_due_at is None:
        return
    try:
        queue.put_delivery(job.id)
    except (OperationalError, RedisError) as error:
        _log.warning("message of a webhook not sent", job_id=job.id, reason=type(error).__name__)
