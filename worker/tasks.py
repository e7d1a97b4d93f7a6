"""The one Celery task: a name and a message, no work."""

from celery import Task

from shared.worker_groups import GENERATE
from worker.finisher import Behind, finish_now
from worker.runner import Runner


class GenerateTask(Task[[str], str]):
    """Runs the job whose id the message carries."""

    name = GENERATE

    runner: Runner
    """Set in the child process, once its model is loaded."""

    behind: Behind = staticmethod(finish_now)
    """Finishes a job when its picture is painted."""

    def run(self, job_id: str) -> str:
        """Run the job."""
        return self.runner.run(job_id, self.behind)
