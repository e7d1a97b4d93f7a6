"""Pixels of PNGs, compared. Pillow is loaded with the first comparison, not with the API."""

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from shared.png_text import Png, PngUnreadable

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class PixelDifference:
    """How far two pictures of one size are apart."""

    share: float
    """Of the pixels that differ, 0 to 1."""

    largest: int
    """Of any colour of any pixel, 0 to 255."""


def decode(png: Png) -> "Image":
    """Give the pixels of a picture, whose size must be a reasonable one.

    Raises:
        PngUnreadable: There are none, or not all of them.
    """
    from io import BytesIO  # noqa: PLC0415

    from PIL import Image  # noqa: PLC0415  # The API starts without it.

    try:
        # With alpha, so that what was made transparent is not taken for equal.
        return Image.open(BytesIO(png.pixels_only()), formats=["PNG"]).convert("RGBA")
    except (OSError, SyntaxError, ValueError) as error:
        message = f"is a PNG whose pixels cannot be read: {error}"
        raise PngUnreadable(message) from None


def difference(one: "Image", other: "Image") -> PixelDifference:
    """Compare two pictures of the same size."""
    from PIL import ImageChops  # noqa: PLC0415

    channels = ImageChops.difference(one, other).split()
    furthest = reduce(ImageChops.lighter, channels)
    counts = furthest.histogram()
    differing = sum(counts[1:])
    largest = max(value for value, count in enumerate(counts) if count)
    return PixelDifference(share=differing / sum(counts), largest=largest)
