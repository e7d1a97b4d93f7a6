import io
import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from api.pixels import PixelDifference, decode, difference
from shared.png_text import SIGNATURE, PngUnreadable, read_png
from tests.support.pngs import END, HEADER, Chunk, chunk, flat_png, make_png, with_a_pixel_changed

RED = flat_png(size=(16, 8))


def saved(image: Image.Image, **options: object) -> bytes:
    png = io.BytesIO()
    image.save(png, "PNG", **options)
    return png.getvalue()


def compare(one: bytes, other: bytes) -> PixelDifference:
    return difference(*(decode(read_png(png, ())) for png in (one, other)))


def png_of(*chunks: Chunk) -> bytes:
    return SIGNATURE + b"".join(chunk(*part) for part in chunks)


def refusal_of(png: bytes) -> str:
    with pytest.raises(PngUnreadable) as refused:
        decode(read_png(png, ()))
    return str(refused.value)


class TestDifference:
    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
    @pytest.mark.parametrize("options", [{}, {"compress_level": 9}, {"optimize": True}])
    def test_is_none_however_the_picture_was_saved_again(
        self, mode: str, options: dict[str, object]
    ) -> None:
        image = Image.open(io.BytesIO(RED)).convert(mode)
        assert compare(RED, saved(image, **options)) == PixelDifference(share=0, largest=0)

    @pytest.mark.parametrize("by", [1, 200])
    def test_is_the_share_of_the_pixels_and_the_largest_of_a_channel(self, by: int) -> None:
        changed = with_a_pixel_changed(RED, by=by)
        assert compare(RED, changed) == PixelDifference(share=1 / 128, largest=by)

    def test_counts_a_pixel_once_however_many_channels_differ(self) -> None:
        white = flat_png(size=(16, 8), colour="white")
        assert compare(RED, white) == PixelDifference(share=1, largest=255)

    def test_sees_what_was_made_transparent(self) -> None:
        clear = Image.open(io.BytesIO(RED)).convert("RGBA")
        clear.putpixel((0, 0), (255, 0, 0, 0))
        assert compare(RED, saved(clear)) == PixelDifference(share=1 / 128, largest=255)


class TestDecode:
    def test_is_not_disturbed_by_what_else_is_in_the_file(self) -> None:
        bomb = zlib.compress(bytes(50_000_000))
        plain = make_png((b"zTXt", b"x\0\0" + bomb), (b"iCCP", b"x\0\0" + bomb), (b"gAMA", b"?"))
        assert compare(make_png(), plain) == PixelDifference(share=0, largest=0)

    @pytest.mark.parametrize(
        "pixels",
        [
            [],
            [(b"IDAT", b"not zlib")],
            [(b"IDAT", b"")],
            [(b"IDAT", zlib.compress(b"\0"))],
            [(b"IDAT", zlib.compress(b"\7" + bytes(6)))],
        ],
    )
    def test_refuses_pixels_that_are_not_there(self, pixels: list[Chunk]) -> None:
        reason = refusal_of(png_of(HEADER, *pixels, END))
        assert reason.startswith("is a PNG whose pixels cannot be read: ")

    @pytest.mark.parametrize("position", range(8, 13))
    def test_refuses_a_kind_of_picture_that_there_is_not(self, position: int) -> None:
        header = bytearray(HEADER[1])
        header[position] = 77
        assert refusal_of(png_of((b"IHDR", bytes(header)), END))

    @settings(deadline=None)
    @given(
        pixels=st.binary(max_size=60),
        depth=st.sampled_from([1, 2, 4, 8, 16]),
        kind=st.sampled_from([0, 2, 3, 4, 6]),
        interlaced=st.booleans(),
    )
    def test_never_fails_otherwise(
        self, pixels: bytes, depth: int, kind: int, *, interlaced: bool
    ) -> None:
        header = HEADER[1][:8] + bytes([depth, kind, 0, 0, interlaced])
        palette = (b"PLTE", bytes(6))
        png = png_of((b"IHDR", header), palette, (b"IDAT", zlib.compress(pixels)), END)
        with suppress(PngUnreadable):
            decode(read_png(png, ()))
