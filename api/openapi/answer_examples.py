"""One of each answer, made of the values that the real ones are made of."""

from pydantic import BaseModel, JsonValue

from api.job_page import JobPage
from api.live_models import LiveModel
from api.openai_images.answer import ImagesAnswer, ImageView, Usage
from api.openai_images.models import ModelList, ModelView
from api.openapi.example_job import BUILD, DONE, PROMPT, REQUEST, RESULT, RUNNING, SUBMITTED
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
from shared.job_view import JobView
from shared.loras import Lora
from shared.prompt_rules import PromptPolicy, PromptSyntax
from shared.schedulers import SCHEDULERS
from shared.worker_registry import WorkerState

_PNG = "iVBORw0KGgo="
_RUNNING_VIEW = JobView.of(RUNNING, eta_seconds=1.7)
_MODEL = LiveModel(name=BUILD.model, default=True, warm=True, build=BUILD, workers=["worker"])


def _of_the_service() -> tuple[BaseModel, ...]:
    health = Health(
        status="healthy",
        model_loaded=True,
        generator_info=GeneratorInfo(
            model_id=BUILD.model,
            model_revision=BUILD.model_revision,
            device=BUILD.device,
            dtype=BUILD.dtype,
            scheduler="DPMSolver++",
            defaults=Defaults(steps=28, guidance_scale=7.0, height=512, width=512),
        ),
        workers=[WorkerView(worker="worker", state=WorkerState.READY, build=BUILD)],
        reason=None,
    )
    return health, Status(status="ready"), read_card()


def _of_what_requests_name() -> tuple[BaseModel, ...]:
    lora = Lora(
        name="watercolour",
        size_bytes=37861544,
        title="Watercolour",
        base_model="sd_v1",
        trigger_words=("watercolour",),
        sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        autov3="60303ae22b99",
    )
    scheduler = SchedulerView(
        name=SCHEDULERS[0].scheduler,
        label=SCHEDULERS[0].label,
        a1111_name=SCHEDULERS[0].a1111,
        description=SCHEDULERS[0].description,
        karras=True,
        stochastic=False,
        passes_per_step=1,
        default=True,
    )
    return _MODEL, LoraList(loras=[lora]), scheduler


def _of_what_is_read() -> tuple[BaseModel, ...]:
    tokens = TokenCount(
        policy=PromptPolicy.CHUNK,
        syntax=PromptSyntax.A1111,
        chunk_tokens=75,
        prompt=TextCount(tokens=7, chunks=1, dropped_text=""),
        negative_prompt=TextCount(tokens=0, chunks=1, dropped_text=""),
    )
    # Not beside the model: FastAPI takes every null out of the examples that it finds there.
    request = {**REQUEST.model_dump(exclude_unset=True), "num_inference_steps": 28}
    info = PngInfo.model_validate(
        {
            "info": f"{PROMPT}\nSteps: 28, Sampler: DPM++ 2M, Seed: 42, Model: demo",
            "source": "parameters",
            "request": request,
            "notes": ["Model: 'demo' is not carried over: a request has no such field."],
            "result": None,
        }
    )
    return tokens, info


def _of_openai() -> tuple[BaseModel, ...]:
    view = ModelView(id=BUILD.model)
    images = ImagesAnswer(
        created=int(SUBMITTED.timestamp()),
        output_format=PictureFormat.PNG,
        size="512x512",
        usage=Usage.of(RESULT),
        data=[ImageView(b64_json=_PNG, seed=42, job_id=JOB_ID, dropped_text="", flagged=None)],
    )
    return view, ModelList(data=[view]), images


def _of_a1111() -> tuple[BaseModel, ...]:
    parameters: dict[str, JsonValue] = {"prompt": PROMPT, "steps": 28, "cfg_scale": 7.0}
    info = f'{{"seed": 42, "job_ids": ["{JOB_ID}"]}}'
    return (
        Txt2ImgAnswer(images=[_PNG], parameters=parameters, info=info),
        ProgressAnswer.of(_RUNNING_VIEW, None),
        SamplerItem.of(SCHEDULERS[0]),
        SchedulerItem.of(SamplerNames(has_karras=True).all_schedules()[0]),
        ModelItem.of(_MODEL),
        Options.of(_MODEL),
        Scripts(),
    )


ANSWERS: tuple[BaseModel, ...] = (
    _RUNNING_VIEW,
    JobPage(jobs=[JobView.of(DONE)], next_cursor=None),
    *_of_the_service(),
    *_of_what_requests_name(),
    *_of_what_is_read(),
    *_of_openai(),
    *_of_a1111(),
)
