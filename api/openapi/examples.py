"""Answers as they look, made of the values that the real ones are made of."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, JsonValue

from api.job_page import JobPage
from api.live_models import LiveModel
from api.openai_images.answer import ImagesAnswer, ImageView, Usage
from api.openai_images.models import ModelList, ModelView
from api.own_dependencies import EXAMPLE_ID as JOB_ID
from api.picture_formats import PictureFormat
from api.png_info import PngInfo
from api.routes.health import Defaults, GeneratorInfo, Health, Status, WorkerView
from api.routes.loras import LoraList
from api.routes.root import read as read_card
from api.routes.schedulers import SchedulerView
from api.routes.tokens import TextCount, TokenCount
from api.sdapi.answer import Txt2ImgAnswer
from api.sdapi.catalogue import ModelItem, Options, SamplerItem, SchedulerItem, Scripts
from api.sdapi.progress import ProgressAnswer
from api.sdapi.samplers import SamplerNames
from shared.generation import Build, GenerationRequest, GenerationResult, Scheduler, Timings
from shared.job_view import JobView
from shared.jobs import Job
from shared.loras import Lora
from shared.prompt_rules import PromptPolicy, PromptSyntax
from shared.schedulers import SCHEDULERS
from shared.worker_registry import WorkerState

_PROMPT = "a red apple on a white table"
_PNG = "iVBORw0KGgo="
_SUBMITTED = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
_REQUEST = GenerationRequest(prompt=_PROMPT, seed=42)
_BUILD = Build(
    model="stable-diffusion-v1-5/stable-diffusion-v1-5",
    model_revision="451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
    device="cuda",
    device_name="NVIDIA L4",
    dtype="float16",
    threads=8,
    versions={"torch": "2.13.0", "diffusers": "0.42.1", "transformers": "5.24.0"},
)
_RESULT = GenerationResult(
    seed=42,
    num_inference_steps=28,
    guidance_scale=7.0,
    scheduler=Scheduler.DPM_SOLVER_PP,
    height=512,
    width=512,
    prompt_tokens=7,
    dropped_text="",
    build=_BUILD,
    timings=Timings(queue=0.5, text=0.01, denoise=2.5, decode=0.25, encode=0.08, total=2.84),
    image_bytes=421337,
    image_sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
)
_QUEUED = Job.queued(JOB_ID, _REQUEST, _SUBMITTED, request_id="checkout-7f3a")
_RUNNING = _QUEUED.claim("", "", _SUBMITTED + timedelta(seconds=1)).advance("", 12)
_DONE = _RUNNING.succeed("", _RESULT, _SUBMITTED + timedelta(seconds=4))


_MODEL = LiveModel(name=_BUILD.model, default=True, warm=True, build=_BUILD, workers=["worker"])
_LORAS = LoraList(
    loras=[
        Lora(
            name="watercolour",
            size_bytes=37861544,
            title="Watercolour",
            base_model="sd_v1",
            trigger_words=("watercolour",),
            sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            autov3="60303ae22b99",
        )
    ]
)
_SCHEDULER = SchedulerView(
    name=SCHEDULERS[0].scheduler,
    label=SCHEDULERS[0].label,
    a1111_name=SCHEDULERS[0].a1111,
    description=SCHEDULERS[0].description,
    karras=True,
    stochastic=False,
    passes_per_step=1,
    default=True,
)
_TOKENS = TokenCount(
    policy=PromptPolicy.CHUNK,
    syntax=PromptSyntax.A1111,
    chunk_tokens=75,
    prompt=TextCount(tokens=7, chunks=1, dropped_text=""),
    negative_prompt=TextCount(tokens=0, chunks=1, dropped_text=""),
)


def _examples() -> tuple[BaseModel, ...]:
    names = SamplerNames(has_karras=True)
    view = ModelView(id=_BUILD.model)
    done = JobView.of(_DONE)
    health = Health(
        status="healthy",
        model_loaded=True,
        generator_info=GeneratorInfo(
            model_id=_BUILD.model,
            model_revision=_BUILD.model_revision,
            device=_BUILD.device,
            dtype=_BUILD.dtype,
            scheduler="DPMSolver++",
            defaults=Defaults(steps=28, guidance_scale=7.0, height=512, width=512),
        ),
        workers=[WorkerView(worker="worker", state=WorkerState.READY, build=_BUILD)],
        reason=None,
    )
    images = ImagesAnswer(
        created=int(_SUBMITTED.timestamp()),
        output_format=PictureFormat.PNG,
        size="512x512",
        usage=Usage.of(_RESULT),
        data=[ImageView(b64_json=_PNG, seed=42, job_id=JOB_ID, dropped_text="", flagged=None)],
    )
    parameters: dict[str, JsonValue] = {"prompt": _PROMPT, "steps": 28, "cfg_scale": 7.0}
    info = f'{{"seed": 42, "job_ids": ["{JOB_ID}"]}}'
    return (
        JobView.of(_RUNNING, eta_seconds=1.7),
        JobPage(jobs=[done], next_cursor=None),
        health,
        Status(status="ready"),
        read_card(),
        view,
        ModelList(data=[view]),
        images,
        Txt2ImgAnswer(images=[_PNG], parameters=parameters, info=info),
        ProgressAnswer.of(JobView.of(_RUNNING, eta_seconds=1.7), None),
        SamplerItem.of(SCHEDULERS[0]),
        SchedulerItem.of(names.all_schedules()[0]),
        _MODEL,
        ModelItem.of(_MODEL),
        Options.of(_MODEL),
        Scripts(),
        _LORAS,
        _TOKENS,
        _SCHEDULER,
        _png_info(),
    )


def _png_info() -> PngInfo:
    # Not beside the model: FastAPI takes every null out of the examples that it finds there.
    request = {**_REQUEST.model_dump(exclude_unset=True), "num_inference_steps": 28}
    return PngInfo.model_validate(
        {
            "info": f"{_PROMPT}\nSteps: 28, Sampler: DPM++ 2M, Seed: 42, Model: demo",
            "source": "parameters",
            "request": request,
            "notes": ["Model: 'demo' is not carried over: a request has no such field."],
            "result": None,
        }
    )


def _dumped(model: BaseModel) -> JsonValue:
    return model.model_dump(
        mode="json",
        exclude_none=isinstance(model, ImagesAnswer),
        exclude_unset=isinstance(model, PngInfo),
    )


_EXAMPLES: dict[str, JsonValue] = {
    type(model).__name__: model.model_dump(
        mode="json", exclude_none=isinstance(model, ImagesAnswer)
    )
    for model in _examples()
}


def show_example(content: dict[str, Any]) -> None:
    """Show what an answer looks like, where nobody has said so and its model is known here."""
    if content.keys() & {"example", "examples"}:
        return
    schema = content.get("schema", {})
    if schema.get("type") == "array":
        item = _EXAMPLES.get(_model_of(schema["items"]))
        content["example"] = [] if item is None else [item]
    elif _model_of(schema) in _EXAMPLES:
        content["example"] = _EXAMPLES[_model_of(schema)]


def _model_of(schema: dict[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]
