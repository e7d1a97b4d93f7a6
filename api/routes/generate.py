"""Pictures: ask for one and wait for it."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Response
from starlette.concurrency import run_in_threadpool

from api.answers import PICTURE_RESPONSES, accepted, picture
from api.dependencies import CurrentSettings, CurrentWaiter, Jobs
from shared.errors import GenerationTimeout
from shared.generation import GenerationRequest

router = APIRouter(tags=["pictures"])


@router.post("/generate", response_class=Response, responses=PICTURE_RESPONSES)
async def generate(
    *,
    request: GenerationRequest,
    jobs: Jobs,
    waiter: CurrentWaiter,
    settings: CurrentSettings,
    prefer: Annotated[str, Header(description="`respond-async` submits instead.")] = "",
) -> Response:
    """Paint a picture and answer with its PNG; `Prefer: respond-async` submits a job instead."""
    job = await run_in_threadpool(jobs.submit, request)
    if "respond-async" in prefer.lower():
        return accepted(await run_in_threadpool(jobs.view, job))
    try:
        async with asyncio.timeout(settings.request_timeout):
            job = await waiter.wait(job.id)
    except TimeoutError:
        raise GenerationTimeout(job.id, settings.request_timeout) from None
    return picture(job, await run_in_threadpool(jobs.image, job))
