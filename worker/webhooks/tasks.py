"""The Celery task of a delivery: a name and a message, no work."""

from celery import Task

from shared.job_queue import DELIVER
from worker.webhooks.courier import Courier


class DeliverTask(Task[[str], None]):
    """Tells the webhook of the job whose id the message carries."""

    name = DELIVER

    courier: Courier
    """Set before the worker starts."""

    def run(self, job_id: str) -> None:
        """Deliver once."""
        self.courier.deliver(job_id)
