"""Jobs by their id, or by the beginning of it that the lists show."""

from scripts.cli.client import Client
from scripts.cli.failures import Failure, WrongUsage
from scripts.cli.job import Job

_WHOLE_ID = 36


async def find_job(client: Client, job_id: str) -> Job:
    """Give the one job whose id is this or begins so.

    Raises:
        WrongUsage: Several begin so.
        Failure: None does.
    """
    if not job_id:
        message = "the id is empty"
        raise WrongUsage(message, hint="semantic-bit jobs lists them")
    try:
        return await client.get(job_id)
    except Failure as failure:
        is_unknown = failure.body is not None and failure.body.error == "NotFound"
        if not is_unknown or len(job_id) >= _WHOLE_ID:
            raise
        found = [job async for job in client.jobs() if job.id.startswith(job_id)]
        if not found:
            raise
    if len(found) > 1:
        message = f"{len(found)} jobs begin with {job_id}"
        raise WrongUsage(message, hint="give more of the id")
    return found[0]
