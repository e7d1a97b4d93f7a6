"""Pictures that are edited, as OpenAI's clients send them: in a form, with files."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Depends, Request
from pydantic import Field

from api.authentication import CurrentCaller
from api.dependencies import CurrentInputs, CurrentSettings
from api.inputs.body import read_body
from api.inputs.canonical import canonical_cutout, canonical_picture
from api.inputs.documents import form_docs
from api.inputs.intake import keep_pictures, validated
from api.openai_images.request import ImagesRequest, NotDoneHere
from shared.generation import Strength

_NORMALISE = {"image": canonical_picture, "mask": canonical_cutout}
_AS_A_LIST = "image[]"
_PICTURES = ("image", _AS_A_LIST, "mask")


class EditRequest(ImagesRequest):
    """Pictures that begin with one that the client sends."""

    image: str
    """The picture to begin with; one."""

    mask: str | None = None
    """Transparent where the picture is painted anew."""

    strength: Annotated[Strength, Field(strict=True)] | None = None
    """Ours: how much is painted anew. 0.75 where it is left out."""

    stream: Literal[False] | None = None
    """Edits come when they are ready."""

    input_fidelity: NotDoneHere = None


@dataclass(frozen=True)
class SentEdit:
    """What is asked for, and what its requests begin with."""

    request: EditRequest
    start: dict[str, object]
    """Fields of a `GenerationRequest`."""


EDIT_BODY = form_docs(EditRequest, ("image", "mask"))


async def _sent(
    connection: Request, caller: CurrentCaller, store: CurrentInputs, settings: CurrentSettings
) -> SentEdit:
    body = await read_body(
        connection, EditRequest, max_bytes=settings.max_body_bytes, pictures=_PICTURES
    )
    pictures = _named(body.pictures)
    request = validated(EditRequest, _named(body.fields))
    kept = await keep_pictures(store, caller.name, pictures, _NORMALISE)
    start = {
        "init_image": kept.get("image", request.image),
        "mask": kept.get("mask", request.mask),
        "strength": request.strength,
    }
    given: dict[str, object] = {name: value for name, value in start.items() if value is not None}
    return SentEdit(request, given)


def _named(fields: Any) -> Any:  # noqa: ANN401  # Whatever a client sends.
    """Call the one picture of a list as it is called alone."""
    if not isinstance(fields, dict) or _AS_A_LIST not in fields:
        return fields
    others = {name: value for name, value in fields.items() if name != _AS_A_LIST}
    return {"image": fields[_AS_A_LIST], **others}


CurrentEdit = Annotated[SentEdit, Depends(_sent)]
