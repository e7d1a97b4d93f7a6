import io
import random

import pytest
from PIL import Image

from worker.encoding import encode_png


def decode(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


def noise(width: int, height: int) -> Image.Image:
    return Image.frombytes("RGB", (width, height), random.Random(1).randbytes(width * height * 3))


class TestEncodePng:
    @pytest.mark.parametrize("size", [(256, 256), (768, 256), (256, 768)])
    def test_loses_nothing(self, size: tuple[int, int]) -> None:
        image = noise(*size)
        decoded = decode(encode_png(image))
        assert (decoded.format, decoded.mode, decoded.size) == ("PNG", "RGB", size)
        assert decoded.tobytes() == image.tobytes()

    def test_gives_the_same_bytes_for_the_same_picture(self) -> None:
        assert encode_png(noise(256, 256)) == encode_png(noise(256, 256))

    def test_compresses(self) -> None:
        assert len(encode_png(Image.new("RGB", (512, 512), "red"))) < 512 * 512 * 3 / 100
