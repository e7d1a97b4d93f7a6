"""Pictures: ask for one and wait for it."""

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from api.answers import ASYNC_RESPONSES, PICTURE_RESPONSES, accepted, picture
from api.dependencies import CurrentBlockingCall
from api.inputs.documents import body_docs
from api.inputs.intake import SentGeneration
from api.job_submission import JobSubmission
from api.own_dependencies import CountedSubmit, Jobs
from api.request_headers import OnDisconnect, OptionalIdempotencyKey, Prefer
from shared.generation import GenerationRequest

router = APIRouter(tags=["pictures"])


@router.post(
    "/generate",
    response_class=Response,
    responses={**PICTURE_RESPONSES, **ASYNC_RESPONSES},
    dependencies=[CountedSubmit],
    openapi_extra=body_docs(GenerationRequest),
)
async def generate(
    *,
    request: SentGeneration,
    connection: Request,
    jobs: Jobs,
    call: CurrentBlockingCall,
    key: OptionalIdempotencyKey,
    prefer: Prefer = "",
    on_disconnect: OnDisconnect = "cancel",
) -> Response:
    """Paint a picture and answer with its PNG; `Prefer: respond-async` submits a job instead."""
    submission = JobSubmission.of(request)
    job = await run_in_threadpool(jobs.submit, submission, key)
    if "respond-async" in prefer.lower():
        await run_in_threadpool(call.keep, job)
        answer = accepted(await run_in_threadpool(jobs.view, job))
        answer.headers["Preference-Applied"] = "respond-async"
        return answer
    ended = await call.wait_again(
        job,
        connection,
        lambda: jobs.submit(submission, key),
        cancel_if_left=on_disconnect == "cancel",
    )
    return picture(ended, await run_in_threadpool(jobs.image, ended))
