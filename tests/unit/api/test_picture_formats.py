import io

import pytest
from PIL import Image

from api.picture_formats import PictureFormat, converted, enlarged

SIZE = (64, 48)


def encoded(image: Image.Image, name: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=name)
    return buffer.getvalue()


def opened(picture: bytes) -> Image.Image:
    return Image.open(io.BytesIO(picture))


@pytest.fixture
def png() -> bytes:
    return encoded(Image.linear_gradient("L").resize(SIZE).convert("RGB"), "PNG")


class TestConverted:
    def test_leaves_a_png_as_it_is(self, png: bytes) -> None:
        assert converted(png, PictureFormat.PNG) is png

    @pytest.mark.parametrize("picture_format", [PictureFormat.JPEG, PictureFormat.WEBP])
    def test_encodes_anew(self, png: bytes, picture_format: PictureFormat) -> None:
        picture = opened(converted(png, picture_format))
        assert (picture.format, picture.size) == (picture_format.upper(), SIZE)

    @pytest.mark.parametrize("picture_format", [PictureFormat.JPEG, PictureFormat.WEBP])
    def test_loses_more_at_less_quality(self, png: bytes, picture_format: PictureFormat) -> None:
        sizes = [len(converted(png, picture_format, quality)) for quality in (0, 50, 100)]
        assert sizes == sorted(sizes)
        assert len(set(sizes)) == 3


class TestEnlarged:
    @pytest.mark.parametrize("picture_format", list(PictureFormat))
    def test_has_the_size_and_the_format_of_the_picture(
        self, picture_format: PictureFormat
    ) -> None:
        preview = encoded(Image.new("RGB", (8, 6), "blue"), "JPEG")
        picture = opened(enlarged(preview, SIZE, picture_format))
        assert (picture.format, picture.size) == (picture_format.upper(), SIZE)
