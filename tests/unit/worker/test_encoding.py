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

    @pytest.mark.parametrize(
        "text", ["", "a cat, 7: 7", "é", "ネコ \U0001f431", "two\nlines", "NUL \0"]
    )
    def test_embeds_texts_as_pillow_and_so_a1111_read_them(self, text: str) -> None:
        png = encode_png(noise(8, 8), {"parameters": text, "other": "more"})
        assert decode(png).info == {"parameters": text, "other": "more"}

    @pytest.mark.parametrize(("text", "kind"), [("é", b"tEXt"), ("ネコ", b"iTXt")])
    def test_writes_latin_1_where_it_does(self, text: str, kind: bytes) -> None:
        png = encode_png(noise(8, 8), {"parameters": text})
        assert [found for found in (b"tEXt", b"iTXt", b"zTXt") if found in png] == [kind]
