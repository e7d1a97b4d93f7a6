"""What a picture says of itself before a pixel is decoded, and whether it is one to decode."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.png_text import SIGNATURE, PngUnreadable, read_png

MAX_SIDE = 8192
MAX_PIXELS = 4096 * 4096

_MAX_JPEG_SCANS = 100
_WEBP_ANIMATION = 2


class PictureRefused(ValueError):
    """The bytes are not a picture to begin with, or one that would take too much to decode."""


@dataclass(frozen=True)
class StillPicture:
    """Bytes of a known format, whose header was looked at."""

    format: str
    """As Pillow names it."""

    data: bytes
    """Without what could take more memory than the pixels do."""


def read_header(data: bytes) -> StillPicture:
    """Look at a picture.

    Raises:
        PictureRefused: It is of another format, too large, animated, or cut off where that shows.
    """
    for beginning, (name, check) in _FORMATS.items():
        if data.startswith(beginning):
            return StillPicture(name, check(data))
    message = "is not a PNG, a JPEG or a WebP" if data else "is empty"
    raise PictureRefused(message)


def check_size(width: int, height: int) -> None:
    """Let a picture pass whose pixels are not too many.

    Raises:
        PictureRefused: They are, or there are none.
    """
    if min(width, height) < 1 or max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        message = (
            f"is {width}x{height}; at most {MAX_SIDE} pixels a side and {MAX_PIXELS} in all "
            "are taken"
        )
        raise PictureRefused(message)


def _check_png(data: bytes) -> bytes:
    try:
        png = read_png(data, ())
    except PngUnreadable as error:
        raise PictureRefused(str(error)) from None
    check_size(png.width, png.height)
    _check_still(is_animated=png.is_animated)
    return png.pixels_only(b"eXIf")


def _check_jpeg(data: bytes) -> bytes:
    # Each scan goes over all pixels, so thousands of small ones would take hours. Pillow reads the
    # size before it decodes; it is checked then.
    if data.count(b"\xff\xda") > _MAX_JPEG_SCANS:
        message = f"is a JPEG of more than {_MAX_JPEG_SCANS} scans"
        raise PictureRefused(message)
    return data


def _check_webp(data: bytes) -> bytes:
    # Pillow takes the memory of all pixels when it opens a WebP, so its size is read here.
    kind, content = data[12:16], data[20:30]
    read = _WEBP_SIZES.get(kind)
    if data[8:12] != b"WEBP" or read is None or len(content) < 10:  # noqa: PLR2004
        message = "is a WebP that is damaged or cut off"
        raise PictureRefused(message)
    check_size(*read(content))
    _check_still(is_animated=kind == b"VP8X" and bool(content[0] & _WEBP_ANIMATION))
    return data


def _check_still(*, is_animated: bool) -> None:
    if is_animated:
        message = "is animated; one picture is needed"
        raise PictureRefused(message)


def _extended_size(content: bytes) -> tuple[int, int]:
    width, height = content[4:7], content[7:10]
    return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1


def _lossless_size(content: bytes) -> tuple[int, int]:
    bits = int.from_bytes(content[1:5], "little")
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


def _lossy_size(content: bytes) -> tuple[int, int]:
    width, height = content[6:8], content[8:10]
    return int.from_bytes(width, "little") & 0x3FFF, int.from_bytes(height, "little") & 0x3FFF


_WEBP_SIZES: dict[bytes, Callable[[bytes], tuple[int, int]]] = {
    b"VP8X": _extended_size,
    b"VP8L": _lossless_size,
    b"VP8 ": _lossy_size,
}
_FORMATS: dict[bytes, tuple[str, Callable[[bytes], bytes]]] = {
    SIGNATURE: ("PNG", _check_png),
    b"\xff\xd8\xff": ("JPEG", _check_jpeg),
    b"RIFF": ("WEBP", _check_webp),
}
