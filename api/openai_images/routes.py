"""The routes of OpenAI's Images API."""

import hashlib
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from starlette.concurrency import run_in_threadpool
from structlog.contextvars import bound_contextvars

from api.dependencies import (
    CurrentBlockingCall,
    CurrentLiveModels,
    CurrentSettings,
    Feeds,
)
from api.openai_images.answer import ImagesAnswer, answer
from api.openai_images.edits import EDIT_BODY, CurrentEdit
from api.openai_images.errors import ERROR_RESPONSES
from api.openai_images.models import ModelList, ModelView
from api.openai_images.request import ImagesRequest
from api.openai_images.stream import PictureStreams
from api.openai_images.translation import Translator
from api.own_dependencies import CountedSubmit, CurrentSeries, Jobs
from api.own_jobs import OwnJobs
from api.request_headers import OptionalIdempotencyKey
from shared.jobs import Job

router = APIRouter(prefix="/v1", tags=["OpenAI"], responses=ERROR_RESPONSES)


async def _translator(models: CurrentLiveModels, settings: CurrentSettings) -> Translator:
    return Translator(models, limit=settings.max_concurrent_requests)


async def _streams(
    jobs: Jobs, feeds: Feeds, series: CurrentSeries, call: CurrentBlockingCall
) -> PictureStreams:
    return PictureStreams(jobs, feeds, series, call)


CurrentTranslator = Annotated[Translator, Depends(_translator)]
ModelName = Annotated[str, Path(description="What a request names.", examples=["demo"])]
Streams = Annotated[PictureStreams, Depends(_streams)]


@router.post(
    "/images/generations",
    dependencies=[CountedSubmit],
    response_model=ImagesAnswer,
    response_model_exclude_none=True,
    responses={
        200: {
            "description": "The pictures, or with `stream` the events of one.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def generate(
    *,
    request: ImagesRequest,
    translator: CurrentTranslator,
    connection: Request,
    jobs: Jobs,
    series: CurrentSeries,
    streams: Streams,
    key: OptionalIdempotencyKey,
) -> ImagesAnswer | Response:
    """Paint pictures as OpenAI's API does; a field that means nothing here is refused by name."""
    translated = await run_in_threadpool(translator.translate, request)
    with bound_contextvars(end_user=_hash_of(request.identifier)):
        if request.stream:
            return await streams.open(request, translated[0], key)
        pictures = await series.paint(translated, connection, key)
    return await run_in_threadpool(answer, request, pictures, _urls(jobs, connection))


@router.post(
    "/images/edits",
    dependencies=[CountedSubmit],
    response_model_exclude_none=True,
    openapi_extra=EDIT_BODY,
)
async def edit(
    *,
    sent: CurrentEdit,
    translator: CurrentTranslator,
    connection: Request,
    jobs: Jobs,
    series: CurrentSeries,
    key: OptionalIdempotencyKey,
) -> ImagesAnswer:
    """Paint pictures that begin with one, where a mask is transparent or, without one, in all."""
    translated = await run_in_threadpool(translator.translate, sent.request)
    requests = [request.model_copy(update=sent.start) for request in translated]
    with bound_contextvars(end_user=_hash_of(sent.request.identifier)):
        pictures = await series.paint(requests, connection, key)
    return await run_in_threadpool(answer, sent.request, pictures, _urls(jobs, connection))


@router.get("/models")
def read_models(models: CurrentLiveModels) -> ModelList:
    """List what paints now, by every name that a request can give."""
    return ModelList.of(models.names())


@router.get("/models/{name:path}")
def read_model(name: ModelName, models: CurrentLiveModels) -> ModelView:
    """Say whether a request can give this name."""
    models.require(name)
    return ModelView(id=name)


def _urls(jobs: OwnJobs, connection: Request) -> Callable[[Job], str]:
    def url_of(job: Job) -> str:
        return jobs.signed_url(job) or str(connection.url_for("read_image", job_id=job.id))

    return url_of


def _hash_of(identifier: str | None) -> str | None:
    return hashlib.sha256(identifier.encode()).hexdigest()[:16] if identifier else None
