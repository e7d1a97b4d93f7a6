"""Pictures to begin with, in every form that clients have them in."""

import base64
import io

from PIL import Image

RED, GREEN, WHITE, BLACK = (255, 0, 0), (0, 128, 0), (255, 255, 255), (0, 0, 0)


def encoded(image: Image.Image, name: str = "PNG", **options: object) -> bytes:
    """Give a picture as bytes; `options` are Pillow's."""
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def opened(picture: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(picture))
    image.load()
    return image


def half_and_half(size: tuple[int, int] = (320, 256)) -> Image.Image:
    """Red on the left, green on the right."""
    image = Image.new("RGB", size, RED)
    image.paste(GREEN, (size[0] // 2, 0, *size))
    return image


def mask_of_left(size: tuple[int, int] = (320, 256)) -> Image.Image:
    """White, to be painted anew, on the left; black on the right."""
    mask = Image.new("L", size, 255)
    mask.paste(0, (size[0] // 2, 0, *size))
    return mask


def in_base64(picture: bytes) -> str:
    return base64.b64encode(picture).decode()
