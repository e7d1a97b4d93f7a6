"""A worker's name and numbers, and when a job or its worker is given up."""

from typing import Annotated

from pydantic import Field

from shared.setting_groups.group import Group


class WorkerSettings(Group):
    """Of workers and the jobs that they hold."""

    max_attempts: Annotated[int, Field(ge=1)] = 3
    """Workers that may be lost over one job before it fails as worker_lost."""

    job_timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1800
    """Seconds after its submission at which a job that has not ended fails as deadline_exceeded."""

    step_timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 300
    """Seconds without a finished step after which a worker takes itself for stuck and restarts."""

    max_worker_memory_mb: Annotated[int, Field(ge=0)] = 0
    """Peak memory, in MiB, at which a worker's process is replaced between jobs; 0 never."""

    lease_seconds: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 15
    """Silence of a worker after which its job goes back to the queue."""

    worker_name: str = "worker"
    """Name of a worker before the @ and its host; each worker on a machine needs its own."""

    worker_metrics_host: str = "127.0.0.1"
    """Address that a worker's /metrics listens on."""

    worker_metrics_port: Annotated[int, Field(ge=0, le=65535)] = 9101
    """Port of a worker's /metrics; each worker on a machine needs its own; 0 turns it off."""
