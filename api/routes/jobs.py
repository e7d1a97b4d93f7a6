"""Jobs: submit, follow, collect, cancel."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.concurrency import run_in_threadpool

from api.answers import (
    ACCEPTED_RESPONSES,
    ELSEWHERE_RESPONSE,
    PICTURE_RESPONSES,
    accepted,
    elsewhere,
    picture,
)
from api.dependencies import CurrentBlockingCall, CurrentWaiter
from api.inputs.documents import body_docs
from api.job_page import JobPage
from api.job_submission import JobSubmission
from api.own_dependencies import EXAMPLE_ID, CountedSubmit, JobId, Jobs
from api.request_headers import OptionalIdempotencyKey
from api.webhook_check import CheckedSubmission
from shared.job_parts import JobState
from shared.job_view import JobView

router = APIRouter(prefix="/jobs", tags=["jobs"])

WaitSeconds = Annotated[
    float, Query(ge=0, le=60, description="Seconds to wait for the job's end before answering.")
]

States = Annotated[Sequence[JobState], Query(description="Only these; repeat it for several.")]
PageSize = Annotated[int, Query(ge=1, le=100, description="Jobs on a page.")]
Cursor = Annotated[
    str | None,
    Query(
        pattern=r"^\d{16}:[0-9a-f-]{36}$",
        description="The last page's `next_cursor`.",
        examples=[f"1767323045678901:{EXAMPLE_ID}"],
    ),
]


@router.post(
    "",
    status_code=202,
    response_model=JobView,
    responses=ACCEPTED_RESPONSES,
    dependencies=[CountedSubmit],
    openapi_extra=body_docs(JobSubmission),
)
def submit(
    submission: CheckedSubmission,
    jobs: Jobs,
    call: CurrentBlockingCall,
    key: OptionalIdempotencyKey,
) -> Response:
    """Queue a picture; the answer says where to follow and collect it."""
    job = jobs.submit(submission, key)
    call.keep(job)
    return accepted(jobs.view(job))


@router.get("")
def read_all(
    jobs: Jobs,
    state: States = (),
    limit: PageSize = 20,
    cursor: Cursor = None,
) -> JobPage:
    """List jobs, newest first; `next_cursor` leads to the next page."""
    return jobs.page(state, limit=limit, cursor=cursor)


@router.get("/{job_id}")
async def read(job_id: JobId, jobs: Jobs, waiter: CurrentWaiter, wait: WaitSeconds = 0) -> JobView:
    """Give a job as it stands; `?wait=20` answers when it has ended, or after 20 seconds."""
    if wait:
        await run_in_threadpool(jobs.get, job_id)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await waiter.wait(job_id)
    return await run_in_threadpool(lambda: jobs.view(jobs.get(job_id)))


Redirect = Annotated[
    bool,
    Query(
        description="Answer with the picture's address in the bucket, if STORAGE_SIGNED_URLS is on."
    ),
]


@router.get(
    "/{job_id}/image",
    response_class=Response,
    responses={**PICTURE_RESPONSES, **ELSEWHERE_RESPONSE},
)
def read_image(job_id: JobId, jobs: Jobs, *, redirect: Redirect = False) -> Response:
    """Give the PNG of a job that has succeeded, with the headers of the blocking call."""
    job = jobs.get(job_id)
    if redirect and (url := jobs.signed_url(job)):
        return elsewhere(job, url)
    return picture(job, jobs.image(job))


@router.delete("/{job_id}")
def cancel(job_id: JobId, jobs: Jobs) -> JobView:
    """Cancel exactly this job: at once where it waits, at its next step where it runs."""
    return jobs.view(jobs.cancel(job_id))
