"""From our pictures to OpenAI's answer, with what we know beyond it."""

import base64
from collections.abc import Callable, Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from api.openai_images.request import ImagesRequest
from api.picture_formats import BEST_QUALITY, PictureFormat, converted
from api.series import Picture
from shared.generation import GenerationResult
from shared.jobs import Job


class InputTokens(BaseModel):
    """What the tokens of the input were."""

    text_tokens: int
    image_tokens: int = 0


class Usage(BaseModel):
    """Tokens: those of the prompt, as the model's tokenizer counts; a picture has none."""

    input_tokens: int
    input_tokens_details: InputTokens
    output_tokens: int = 0
    total_tokens: int

    @classmethod
    def of(cls, result: GenerationResult) -> Self:
        """Count the prompt."""
        tokens = result.prompt_tokens
        details = InputTokens(text_tokens=tokens)
        return cls(input_tokens=tokens, input_tokens_details=details, total_tokens=tokens)


class ImageView(BaseModel):
    """A picture: `b64_json` or `url`, and what is ours."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    b64_json: str | None = None
    url: str | None = None
    seed: int
    job_id: str
    dropped_text: str
    """The end of the prompt that the model did not read; empty where it read all."""

    flagged: bool | None = None
    """Whether the safety checker took offence; null where there is none."""


class ImagesAnswer(BaseModel):
    """All pictures of a request."""

    created: int
    background: Literal["opaque"] = "opaque"
    output_format: PictureFormat
    size: str
    usage: Usage
    data: list[ImageView]


def answer(
    request: ImagesRequest, pictures: Sequence[Picture], url_of: Callable[[Job], str]
) -> ImagesAnswer:
    """Give the answer; `url_of` gives where the picture of a job is found. Takes its time."""
    last = pictures[-1]
    assert last.job.finished_at is not None
    return ImagesAnswer(
        created=int(last.job.finished_at.timestamp()),
        output_format=request.format,
        size=size_of(last.result),
        usage=Usage.of(last.result),
        data=[_view(request, picture, url_of) for picture in pictures],
    )


def size_of(result: GenerationResult) -> str:
    """Give the size as OpenAI writes it."""
    return f"{result.width}x{result.height}"


def b64_of(request: ImagesRequest, png: bytes) -> str:
    """Give a picture in the format that was asked for. Takes its time."""
    return base64.b64encode(converted(png, request.format, quality_of(request))).decode()


def quality_of(request: ImagesRequest) -> int:
    """Give the quality of a format that loses some."""
    return BEST_QUALITY if request.output_compression is None else request.output_compression


def _view(request: ImagesRequest, picture: Picture, url_of: Callable[[Job], str]) -> ImageView:
    is_url = request.response_format == "url"
    return ImageView(
        b64_json=None if is_url else b64_of(request, picture.png),
        url=url_of(picture.job) if is_url else None,
        seed=picture.result.seed,
        job_id=picture.job.id,
        dropped_text=picture.result.dropped_text,
        flagged=picture.result.flagged,
    )
