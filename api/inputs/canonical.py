"""From whatever picture came to the one form in which it is kept: a PNG of 8 bits, upright.

Pillow is loaded with the first picture, so that the API starts without it.
"""

import io
from typing import TYPE_CHECKING

from api.inputs.headers import PictureRefused, StillPicture, check_size, read_header
from shared.generation import MAX_DIMENSION

if TYPE_CHECKING:
    from PIL.Image import Image

_ORIENTATION = 0x0112
_HALF = 128


def canonical_picture(data: bytes) -> bytes:
    """Give a picture to begin with: RGB, on white where it is transparent.

    Raises:
        PictureRefused: It is none, or too large.
    """
    return _encoded(_small(_flat(_decoded(read_header(data)), "white")))


def canonical_mask(data: bytes) -> bytes:
    """Give a mask, white where it is painted anew; what is transparent is not.

    Raises:
        PictureRefused: It is no picture, too large, or leaves nothing to paint.
    """
    return _mask_of(_flat(_decoded(read_header(data)), "black").convert("L"))


def canonical_cutout(data: bytes) -> bytes:
    """Give a mask as OpenAI's clients mean it, painted anew where it is transparent.

    Raises:
        PictureRefused: It is no picture, too large, or leaves nothing to paint.
    """
    from PIL import ImageChops  # noqa: PLC0415

    image = _decoded(read_header(data))
    return _mask_of(ImageChops.invert(image.convert("RGBA").getchannel("A")))


def _mask_of(mask: "Image") -> bytes:
    small = _small(mask)
    _, brightest = small.getextrema()
    if not isinstance(brightest, int | float) or brightest < _HALF:
        message = "leaves nothing to paint anew: no part of it is white"
        raise PictureRefused(message)
    return _encoded(small)


def _decoded(picture: StillPicture) -> "Image":
    from PIL import Image  # noqa: PLC0415

    try:
        image = Image.open(io.BytesIO(picture.data), formats=[picture.format])
        check_size(*image.size)
        image.load()
        return _eight_bits(_upright(image))
    except PictureRefused:
        raise
    # What decoders raise for broken pictures is not one family.
    except Exception:  # noqa: BLE001
        message = f"is a {picture.format} that is damaged or cut off"
        raise PictureRefused(message) from None


def _upright(image: "Image") -> "Image":
    from PIL.Image import Transpose  # noqa: PLC0415

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    turn = turns.get(image.getexif().get(_ORIENTATION, 1))
    return image if turn is None else image.transpose(turn)


def _eight_bits(image: "Image") -> "Image":
    # Pillow gives 16 bits of grey as they are; of colours it keeps the higher 8, as here.
    if not image.mode.startswith("I"):
        return image
    return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")


def _flat(image: "Image", background: str) -> "Image":
    from PIL import Image  # noqa: PLC0415

    if not image.has_transparency_data:
        return image.convert("RGB")
    seen = image.convert("RGBA")
    below = Image.new("RGBA", seen.size, background)
    return Image.alpha_composite(below, seen).convert("RGB")


def _small(image: "Image") -> "Image":
    """Make it no larger than any picture needs: its shorter side as long as the longest can be."""
    from PIL.Image import Resampling  # noqa: PLC0415

    shorter = min(image.size)
    if shorter <= MAX_DIMENSION:
        return image
    width, height = (round(side * MAX_DIMENSION / shorter) for side in image.size)
    return image.resize((width, height), Resampling.LANCZOS)


def _encoded(image: "Image") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
