"""Whether a picture is what it says it is."""

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from api.claim import Claim
from api.dependencies import CurrentBlockingCall, CurrentLiveModels, CurrentSettings
from api.job_submission import JobSubmission
from api.own_dependencies import CountedSubmit, Jobs
from api.picture_body import PICTURE_BODY, PictureBody
from api.verification import Verification

router = APIRouter(tags=["pictures"])


@router.post("/verify", openapi_extra=PICTURE_BODY, dependencies=[CountedSubmit])
async def verify(
    *,
    png: PictureBody,
    connection: Request,
    jobs: Jobs,
    call: CurrentBlockingCall,
    settings: CurrentSettings,
    models: CurrentLiveModels,
) -> Verification:
    """Paint a picture again from its own metadata, and say whether every pixel is the same.

    The body is the PNG itself, or JSON with it in base64. Like `/generate` this waits for a job,
    which is canceled when the client leaves.
    """
    claim = await run_in_threadpool(
        Claim.read,
        png,
        use_karras_sigmas=settings.use_karras_sigmas,
        prompt_syntax=settings.prompt_syntax,
    )
    if not claim.has_its_size:
        return Verification.of_other_size(claim)
    pixels = await run_in_threadpool(claim.pixels)  # Before painting: they may not be there.
    # Another model than the one that is not here: what it paints, and the build, tell.
    is_here = claim.request.model in await run_in_threadpool(models.names)
    request = claim.request if is_here else claim.request.model_copy(update={"model": None})
    job = await run_in_threadpool(jobs.submit, JobSubmission.of(request), alone=True)
    ended = await call.wait(job, connection, cancel_if_left=True)
    image = await run_in_threadpool(lambda: jobs.image(ended).read())
    return await run_in_threadpool(Verification.of, claim, pixels, ended, image)
