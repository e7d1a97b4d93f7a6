"""The routes of A1111's API."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool

from api.dependencies import (
    CurrentEventLog,
    CurrentLiveLoras,
    CurrentLiveModels,
    CurrentSettings,
)
from api.inputs.documents import json_docs
from api.own_dependencies import CountedSubmit, CurrentSeries, Jobs
from api.sdapi.answer import Txt2ImgAnswer, answer
from api.sdapi.catalogue import LoraItem, ModelItem, Options, SamplerItem, SchedulerItem, Scripts
from api.sdapi.img2img import CurrentImg2Img, CurrentStartingPictures, Img2ImgRequest
from api.sdapi.progress import ProgressAnswer, ProgressReader
from api.sdapi.request import Txt2ImgRequest
from api.sdapi.samplers import SamplerNames
from api.sdapi.translation import Translator
from shared.schedulers import SCHEDULERS

router = APIRouter(prefix="/sdapi/v1", tags=["A1111"])

_LISTS_OF_NOTHING = ("upscalers", "latent-upscale-modes", "sd-vae", "prompt-styles")


async def _sampler_names(settings: CurrentSettings) -> SamplerNames:
    return SamplerNames(has_karras=settings.use_karras_sigmas)


CurrentSamplerNames = Annotated[SamplerNames, Depends(_sampler_names)]


def _translator(
    settings: CurrentSettings, models: CurrentLiveModels, names: CurrentSamplerNames
) -> Translator:
    return Translator(
        names,
        default_scheduler=settings.scheduler_type,
        prompt_syntax=settings.prompt_syntax,
        models=models.meanings(),
        limit=settings.max_concurrent_requests,
    )


async def _progress_reader(
    jobs: Jobs, log: CurrentEventLog, settings: CurrentSettings
) -> ProgressReader:
    return ProgressReader(jobs, log, limit=settings.max_concurrent_requests)


CurrentTranslator = Annotated[Translator, Depends(_translator)]
CurrentProgressReader = Annotated[ProgressReader, Depends(_progress_reader)]
SkipImage = Annotated[bool, Query(description="Leave `current_image` out.")]


@router.post("/txt2img", dependencies=[CountedSubmit])
async def txt2img(
    request: Txt2ImgRequest,
    translator: CurrentTranslator,
    connection: Request,
    series: CurrentSeries,
) -> Txt2ImgAnswer:
    """Paint pictures as A1111 does; what a field asks and cannot be done is refused by name."""
    pictures = await series.paint(translator.translate(request), connection)
    return await run_in_threadpool(answer, request, pictures)


@router.post("/img2img", dependencies=[CountedSubmit], openapi_extra=json_docs(Img2ImgRequest))
async def img2img(
    *,
    sent: CurrentImg2Img,
    translator: CurrentTranslator,
    start: CurrentStartingPictures,
    connection: Request,
    series: CurrentSeries,
) -> Txt2ImgAnswer:
    """Paint pictures that begin with one, in all of it or in the white parts of a mask."""
    requests = await start.put_into(translator.translate(sent.request), sent)
    pictures = await series.paint(requests, connection)
    return await run_in_threadpool(answer, sent.request.shown, pictures)


@router.get("/progress")
def read_progress(
    reader: CurrentProgressReader, *, skip_current_image: SkipImage = False
) -> ProgressAnswer:
    """Say how far the oldest unfinished job is."""
    return reader.read(with_preview=not skip_current_image)


@router.get("/samplers")
def read_samplers() -> list[SamplerItem]:
    """List the samplers."""
    return [SamplerItem.of(entry) for entry in SCHEDULERS]


@router.get("/schedulers")
def read_schedulers(names: CurrentSamplerNames) -> list[SchedulerItem]:
    """List the noise levels."""
    return [SchedulerItem.of(schedule) for schedule in names.all_schedules()]


@router.get("/sd-models")
def read_models(models: CurrentLiveModels) -> list[ModelItem]:
    """List the models; the first is the one that paints where none is named."""
    return [ModelItem.of(model) for model in models.all()]


@router.get("/loras")
def read_loras(loras: CurrentLiveLoras) -> list[LoraItem]:
    """List the LoRAs that a prompt may name in angle brackets."""
    return [LoraItem.of(lora) for lora in loras.all()]


@router.get("/options")
def read_options(models: CurrentLiveModels) -> Options:
    """Say what is set; it cannot be changed from here."""
    return Options.of(next(iter(models.all()), None))


@router.get("/scripts")
def read_scripts() -> Scripts:
    """List the scripts: there are none."""
    return Scripts()


def read_nothing() -> list[str]:
    """List what A1111 can have and this service has none of."""
    return []


for _path in _LISTS_OF_NOTHING:
    _name = f"read_{_path.replace('-', '_')}"
    router.add_api_route(f"/{_path}", read_nothing, methods=["GET"], name=_name)
