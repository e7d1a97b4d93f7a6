"""A picture in a request's body: the PNG itself, or in base64 inside JSON."""

from base64 import b64decode
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from api.blocking_call import ClientDisconnected
from api.errors import InvalidRequest
from shared.picture_metadata import INFOTEXT, METADATA
from shared.png_text import SIGNATURE, Png, PngUnreadable, read_png


class PictureJson(BaseModel):
    """A picture inside JSON."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    image: str
    """The PNG in base64, alone or as a data URL."""


async def _picture(request: Request) -> Png:
    try:
        body = await request.body()
    except ClientDisconnect:
        raise ClientDisconnected from None
    return await run_in_threadpool(_read, body)


PictureBody = Annotated[Png, Depends(_picture)]

EXAMPLE_PNG = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAAXXRFWHRwYXJhbWV0ZXJzAGEgY2F0IG9uIGEgbWF0"
    "ClN0ZXBzOiAyOCwgU2FtcGxlcjogRFBNKysgMk0sIENGRyBzY2FsZTogNywgU2VlZDogNDIsIFNpemU6IDUxMng1"
    "MTIw4dSdAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC"
)
"""A single pixel that says it is a cat on a mat."""

PICTURE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "image/png": {"schema": {"type": "string", "format": "binary"}},
            "application/json": {
                "schema": PictureJson.model_json_schema(),
                "example": {"image": EXAMPLE_PNG},
            },
        },
    },
}
"""What `openapi_extra` of a route with a `PictureBody` says."""


def refuse(loc: tuple[str, ...], message: str, kind: str) -> InvalidRequest:
    """Give the 422 for a picture, in the shape that wrong fields have."""
    field = ".".join(loc[1:]) or "body"
    errors: list[Any] = [{"loc": list(loc), "msg": message, "type": kind}]
    return InvalidRequest(f"{field}: {message}", errors=errors)


def _read(body: bytes) -> Png:
    if body.startswith(SIGNATURE) or not body[:64].lstrip().startswith(b"{"):
        return _read_png(body, ("body",))
    loc = ("body", "image")
    text = _parse(body).image
    data = text.partition(",")[2] if text.startswith("data:") else text
    try:
        png = b64decode("".join(data.split()), validate=True)
    except ValueError:
        raise refuse(loc, "is not base64", "base64") from None
    return _read_png(png, loc)


def _parse(body: bytes) -> PictureJson:
    try:
        return PictureJson.model_validate_json(body)
    except ValidationError as error:
        items = [{**item, "loc": ("body", *item["loc"])} for item in error.errors()]
        raise RequestValidationError(items) from None


def _read_png(data: bytes, loc: tuple[str, ...]) -> Png:
    try:
        return read_png(data, {INFOTEXT, METADATA})
    except PngUnreadable as error:
        raise refuse(loc, str(error), "png") from None
