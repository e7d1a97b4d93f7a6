"""PNGs put together chunk by chunk, as no library would."""

import io
import zlib
from collections.abc import Mapping

from PIL import Image

from shared.png_text import SIGNATURE
from worker.encoding import encode_png

Chunk = tuple[bytes, bytes]

HEADER: Chunk = (b"IHDR", bytes.fromhex("0000000200000001") + b"\x08\x02\0\0\0")
PIXELS: Chunk = (b"IDAT", zlib.compress(b"\0" + bytes(6)))
END: Chunk = (b"IEND", b"")


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return len(content).to_bytes(4) + kind + content + checksum.to_bytes(4)


def make_png(*extra: Chunk) -> bytes:
    """Give a PNG of two black pixels with more chunks before them."""
    return SIGNATURE + b"".join(chunk(*part) for part in (HEADER, *extra, PIXELS, END))


def flat_png(
    texts: Mapping[str, str] | None = None,
    *,
    size: tuple[int, int] = (256, 256),
    colour: str = "red",
) -> bytes:
    """Give a PNG of one colour with texts, as the worker writes it."""
    return encode_png(Image.new("RGB", size, colour), texts)


def open_png(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


def with_a_pixel_changed(png: bytes, *, by: int = 1) -> bytes:
    """Change one channel of one pixel, and keep the texts."""
    image = open_png(png)
    red, green, blue = image.getpixel((3, 5))  # type: ignore[misc]  # It is RGB.
    image.putpixel((3, 5), (red, (green + by) % 256, blue))
    return encode_png(image, {str(name): text for name, text in image.info.items()})
