"""The one Celery task: a name and a message, no work."""

from celery import Task

from shared.worker_groups import GENERATE
from worker.runner import Runner


class GenerateTask(Task[[str], str]):
    """Runs the job whose id the message carries."""

    name = GENERATE

    runner: Runner
    """Set in the child process, once its model is loaded."""

    def run(self, job_id: str) -> str:
        """Run the job."""
        return self.runner.run(job_id)
