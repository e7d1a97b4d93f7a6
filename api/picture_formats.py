"""Pictures in other formats than the PNG that a job leaves behind.

Pillow is loaded with the first picture that needs it, so that the API starts without it.
"""

import io
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image


class PictureFormat(StrEnum):
    """The formats that a client can ask for."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"


BEST_QUALITY = 100


def converted(png: bytes, picture_format: PictureFormat, quality: int = BEST_QUALITY) -> bytes:
    """Give a picture in a format; the PNG itself is given as it is."""
    if picture_format is PictureFormat.PNG:
        return png
    return _encode(_open(png), picture_format, quality)


def enlarged(
    preview: bytes,
    size: tuple[int, int],
    picture_format: PictureFormat,
    quality: int = BEST_QUALITY,
) -> bytes:
    """Give a preview in the size and the format of the picture that it announces."""
    return _encode(_open(preview).resize(size), picture_format, quality)


def _open(picture: bytes) -> "Image":
    from PIL import Image  # noqa: PLC0415  # See above.

    return Image.open(io.BytesIO(picture)).convert("RGB")


def _encode(image: "Image", picture_format: PictureFormat, quality: int) -> bytes:
    buffer = io.BytesIO()
    if picture_format is PictureFormat.PNG:
        image.save(buffer, format="PNG", compress_level=1)
    else:
        image.save(buffer, format=picture_format.upper(), quality=max(quality, 1))
    return buffer.getvalue()
