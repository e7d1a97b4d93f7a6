"""What routes ask for on behalf of whoever calls."""

from typing import Annotated

from fastapi import Depends, Path, Request
from starlette.concurrency import run_in_threadpool

from api.authentication import CurrentCaller
from api.dependencies import CurrentBlockingCall, services_of
from api.own_jobs import OwnJobs
from api.response_headers import add_headers
from api.series import Series
from shared.errors import RateLimited


async def _own_jobs(request: Request, caller: CurrentCaller) -> OwnJobs:
    return services_of(request).jobs_of(caller)


async def count_submit(request: Request, caller: CurrentCaller) -> None:
    """Count a submit, and let the answer say what is left.

    Raises:
        RateLimited: The caller has submitted too much of late.
    """
    limiter = services_of(request).limiter
    allowance = await run_in_threadpool(limiter.take, caller) if caller.rate else None
    if allowance is None:
        return
    add_headers(request.scope, allowance.headers)
    if not allowance.is_granted:
        raise RateLimited(str(allowance.rate), allowance.seconds)


EXAMPLE_ID = "0b8c2b0e-6f53-4a52-a5a6-4a2f5a3f7f39"

JobId = Annotated[str, Path(description="The job's `id`.", examples=[EXAMPLE_ID])]
Jobs = Annotated[OwnJobs, Depends(_own_jobs)]


async def _series(jobs: Jobs, call: CurrentBlockingCall) -> Series:
    return Series(jobs, call)


CurrentSeries = Annotated[Series, Depends(_series)]
CountedSubmit = Depends(count_submit)
