"""From our pictures to A1111's answer."""

import base64
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, JsonValue

from api.sdapi.request import Txt2ImgRequest
from api.series import Picture
from shared import SERVICE_NAME, VERSION
from shared.infotext import write_infotext
from shared.picture_metadata import PROGRAM
from shared.schedulers import entry_of


class Info(BaseModel):
    """How the pictures were made; what it knows nothing of has the value that leaves it out."""

    prompt: str
    all_prompts: list[str]
    negative_prompt: str
    all_negative_prompts: list[str]
    seed: int
    all_seeds: list[int]
    subseed: int = -1
    all_subseeds: list[int]
    subseed_strength: int = 0
    width: int
    height: int
    sampler_name: str
    cfg_scale: float
    steps: int
    batch_size: int
    restore_faces: bool = False
    face_restoration_model: str | None = None
    sd_model_name: str
    sd_model_hash: str
    sd_vae_name: str | None = None
    sd_vae_hash: str | None = None
    seed_resize_from_w: int = -1
    seed_resize_from_h: int = -1
    denoising_strength: float | None = None
    extra_generation_params: dict[str, JsonValue] = {}
    index_of_first_image: int = 0
    infotexts: list[str]
    styles: list[str] = []
    job_timestamp: str
    clip_skip: int = 1
    is_using_inpainting_conditioning: bool = False
    version: str = f"{SERVICE_NAME} {VERSION}"

    job_ids: list[str]
    """Ours: the job of each picture, for `/jobs/{id}`."""

    dropped_text: str
    """Ours: the end of the prompt that the model did not read."""

    dropped_negative_text: str
    """Ours: the same of the negative prompt."""
    flagged: list[bool | None]
    """Ours: whether the safety checker took offence at each picture; null where there is none."""


class Txt2ImgAnswer(BaseModel):
    """The pictures, and how they were made."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    images: list[str]
    """PNGs, base64."""

    parameters: dict[str, JsonValue]
    """The request, with what was taken for the fields that it left out."""

    info: str
    """JSON: `seed`, `all_seeds`, `infotexts`, `job_ids` and more."""


def answer(request: Txt2ImgRequest, pictures: Sequence[Picture]) -> Txt2ImgAnswer:
    """Give the answer."""
    shown = pictures if request.send_images else []
    return Txt2ImgAnswer(
        images=[base64.b64encode(picture.png).decode() for picture in shown],
        parameters=_parameters(request, pictures[0]),
        info=_info(request, pictures).model_dump_json(),
    )


def _parameters(request: Txt2ImgRequest, first: Picture) -> dict[str, JsonValue]:
    result = first.result
    return {
        **request.model_dump(),
        "steps": result.num_inference_steps,
        "cfg_scale": result.guidance_scale,
        "width": result.width,
        "height": result.height,
        "sampler_name": entry_of(result.scheduler).a1111,
    }


def _info(request: Txt2ImgRequest, pictures: Sequence[Picture]) -> Info:
    first, result = pictures[0], pictures[0].result
    negative = request.negative_prompt or ""
    return Info(
        prompt=request.prompt,
        all_prompts=[request.prompt] * len(pictures),
        negative_prompt=negative,
        all_negative_prompts=[negative] * len(pictures),
        seed=result.seed,
        all_seeds=[picture.result.seed for picture in pictures],
        all_subseeds=[-1] * len(pictures),
        width=result.width,
        height=result.height,
        sampler_name=entry_of(result.scheduler).a1111,
        cfg_scale=result.guidance_scale,
        steps=result.num_inference_steps,
        batch_size=request.batch_size,
        sd_model_name=result.build.model,
        sd_model_hash=short_hash(result.build.model_revision),
        denoising_strength=first.job.request.strength,
        infotexts=[
            write_infotext(picture.job.request, picture.result.build, PROGRAM, picture.result.loras)
            for picture in pictures
        ],
        job_timestamp=first.job.created_at.strftime("%Y%m%d%H%M%S"),
        job_ids=[picture.job.id for picture in pictures],
        dropped_text=result.dropped_text,
        dropped_negative_text=result.dropped_negative_text,
        flagged=[picture.result.flagged for picture in pictures],
    )


def short_hash(revision: str) -> str:
    """Give as much of a model's revision as A1111 shows."""
    return revision.removeprefix("sha256:")[:10]
