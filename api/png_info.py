"""What a PNG says of how it was made, and the request that paints it again."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from api.picture_body import refuse
from api.repainting import repainting_of
from shared.generation import GenerationRequest
from shared.infotext import Infotext
from shared.picture_metadata import INFOTEXT, METADATA, PictureMetadata, PictureResult
from shared.png_text import Png
from shared.prompt_rules import PromptSyntax


class PngInfo(BaseModel):
    """How a picture was made."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    info: str
    """A1111's text about it."""

    source: Literal["semantic-bit", "parameters"]
    """The text of the PNG that the rest is from: our own, which is exact, or A1111's."""

    request: GenerationRequest | None
    """What to post to `/generate` or `/jobs`; null where no request can have its prompt."""

    notes: list[str]
    """What could not be carried over into the request, and why."""

    result: PictureResult | None
    """What it was painted with; null where it does not say."""


def read_info(png: Png, *, use_karras_sigmas: bool, prompt_syntax: PromptSyntax) -> PngInfo:
    """Read a picture's own text, or else A1111's.

    Raises:
        InvalidRequest: It has neither.
    """
    own = _own(png)
    if own is not None:
        return PngInfo(
            info=png.text.get(INFOTEXT, own.infotext),
            source="semantic-bit",
            request=own.request,
            notes=_notes(own.request),
            result=own.result,
        )
    if INFOTEXT not in png.text:
        message = f"is a PNG without the texts {INFOTEXT!r} and {METADATA!r}, one of which it needs"
        raise refuse(("body",), message, "no_metadata")
    text = png.text[INFOTEXT]
    repainting = repainting_of(
        Infotext.parse(text), use_karras_sigmas=use_karras_sigmas, prompt_syntax=prompt_syntax
    )
    unread = [f"The text {METADATA!r} cannot be read."] if METADATA in png.text else []
    return PngInfo(
        info=text,
        source="parameters",
        request=repainting.request,
        notes=[*unread, *repainting.notes],
        result=None,
    )


def _notes(request: GenerationRequest) -> list[str]:
    named = {"init_image": request.init_image, "mask": request.mask}
    return [
        f"{name}: '{reference[:15]}…' is a picture that is needed too; send it where it is not "
        "kept here any more."
        for name, reference in named.items()
        if reference is not None
    ]


def _own(png: Png) -> PictureMetadata | None:
    try:
        return PictureMetadata.parse(png.text.get(METADATA, ""))
    except ValidationError:
        return None
