"""Waiting until jobs have ended, from beside the API."""

import time
from collections.abc import Sequence

from shared.job_parts import JobState
from shared.job_store import JobStore
from shared.jobs import Job

_LOOK_SECONDS = 0.05


def until_done(store: JobStore, job_ids: Sequence[str]) -> list[Job]:
    """Wait until nothing waits or runs, and give the records.

    Raises:
        RuntimeError: A job has ended without a picture.
    """
    while sum(store.count().values()):
        time.sleep(_LOOK_SECONDS)
    jobs = [store.get(job_id) for job_id in job_ids]
    for job in jobs:
        if job.state is not JobState.SUCCEEDED:
            message = f"job {job.id} is {job.state}"
            raise RuntimeError(message)
    return jobs
