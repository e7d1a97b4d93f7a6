"""Pictures that begin with another, as A1111's clients ask for them."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Request
from pydantic import ConfigDict, Field, JsonValue

from api.authentication import CurrentCaller
from api.dependencies import CurrentInputs, CurrentSettings
from api.errors import InvalidRequest
from api.inputs.body import decode_text, read_body
from api.inputs.canonical import canonical_mask, canonical_picture
from api.inputs.intake import keep_pictures, validated
from api.inputs.references import have_one_shape
from api.picture_body import EXAMPLE_PNG
from api.sdapi.request import Nothing, One, Txt2ImgRequest, WithoutEffect
from shared.generation import DEFAULT_STRENGTH, GenerationRequest, Strength
from shared.input_store import InputStore

_PICTURE = "init_images"
_NORMALISE = {_PICTURE: canonical_picture, "mask": canonical_mask}
_JUST_RESIZE = 0
_CROP_AND_RESIZE = 1

_WITH_A_MASK: dict[str, JsonValue] = {
    "mask_blur": 0,
    "mask_blur_x": 0,
    "mask_blur_y": 0,
    "inpainting_fill": 1,
    "inpaint_full_res": False,
    "inpainting_mask_invert": 0,
}
"""The one value that is done here, of fields that have no effect without a mask."""


class Img2ImgRequest(Txt2ImgRequest):
    """Pictures that begin with one that the client sends."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "prompt": "a green apple on a white table",
                    "init_images": [EXAMPLE_PNG],
                    "denoising_strength": 0.6,
                    "steps": 20,
                    "seed": -1,
                },
            ],
        },
    )

    init_images: Annotated[list[str], Field(min_length=1, max_length=1)]
    """One picture: a PNG, JPEG or WebP in base64 or as a data URL."""

    denoising_strength: Strength | None = DEFAULT_STRENGTH
    """How much of it is painted anew."""

    mask: str | None = None
    """White where it is painted anew; in base64 or as a data URL."""

    resize_mode: int | None = None
    """1 crops the picture to width and height; 0 is done where their shape is the picture's."""

    mask_blur: JsonValue = None
    mask_blur_x: JsonValue = None
    mask_blur_y: JsonValue = None
    inpainting_fill: JsonValue = None
    inpaint_full_res: JsonValue = None
    inpainting_mask_invert: JsonValue = None
    initial_noise_multiplier: One = None
    image_cfg_scale: Nothing = None
    latent_mask: Nothing = None
    inpaint_full_res_padding: WithoutEffect = None
    mask_round: WithoutEffect = None
    include_init_images: WithoutEffect = None

    @property
    def shown(self) -> "Img2ImgRequest":
        """The request without its pictures, for the answer."""
        return self.model_copy(update={"init_images": None, "mask": None})


class StartingPictures:
    """Keeps the pictures of a request, and puts them into what it comes to."""

    def __init__(self, store: InputStore, owner: str) -> None:
        self._store = store
        self._owner = owner

    async def put_into(
        self, requests: Sequence[GenerationRequest], sent: "SentImg2Img"
    ) -> list[GenerationRequest]:
        """Give the requests with what they begin with.

        Raises:
            InvalidRequest: Fields ask for what is not done here.
            InputRefused: A picture is none that can be used.
        """
        request = sent.request
        _check_mask_fields(request)
        kept = await keep_pictures(self._store, self._owner, sent.pictures, _NORMALISE)
        init_image = kept.pop(_PICTURE)
        self._check_resize(request, init_image)
        update = {"init_image": init_image, "strength": request.denoising_strength, **kept}
        return [generation.model_copy(update=update) for generation in requests]

    def _check_resize(self, request: Img2ImgRequest, init_image: str) -> None:
        wanted = (request.width, request.height)
        mode = request.resize_mode or _JUST_RESIZE
        if mode not in {_JUST_RESIZE, _CROP_AND_RESIZE}:
            message = f"must be {_JUST_RESIZE} or {_CROP_AND_RESIZE}; others are not done here"
            raise InvalidRequest.of({"resize_mode": message})
        size = self._store.look(self._owner, init_image)
        if mode == _CROP_AND_RESIZE or size is None or None in wanted:
            return
        if not have_one_shape(size, (request.width or 1, request.height or 1)):
            message = (
                f"{_JUST_RESIZE} would stretch the picture, which is not done here; send "
                f"{_CROP_AND_RESIZE}, or no width and height"
            )
            raise InvalidRequest.of({"resize_mode": message})


class SentImg2Img:
    """A request and its pictures."""

    def __init__(self, request: Img2ImgRequest, pictures: dict[str, bytes]) -> None:
        self.request = request
        self.pictures = pictures


async def _sent(connection: Request, _: CurrentCaller, settings: CurrentSettings) -> SentImg2Img:
    body = await read_body(
        connection,
        Img2ImgRequest,
        max_bytes=settings.max_body_bytes,
        pictures=(_PICTURE, "mask"),
    )
    request = validated(Img2ImgRequest, body.fields)
    picture = decode_text(_PICTURE, request.init_images[0])
    return SentImg2Img(request, {_PICTURE: picture, **body.pictures})


async def _starting_pictures(store: CurrentInputs, caller: CurrentCaller) -> StartingPictures:
    return StartingPictures(store, caller.name)


def _check_mask_fields(request: Img2ImgRequest) -> None:
    if request.mask is None:
        return
    complaints = {
        name: f"with a mask this service does {done!r} only: leave it out or send that"
        for name, done in _WITH_A_MASK.items()
        if getattr(request, name) not in (None, done)
    }
    if complaints:
        raise InvalidRequest.of(complaints)


CurrentImg2Img = Annotated[SentImg2Img, Depends(_sent)]
CurrentStartingPictures = Annotated[StartingPictures, Depends(_starting_pictures)]
