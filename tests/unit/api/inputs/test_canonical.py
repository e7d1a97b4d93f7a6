"""What becomes of pictures of every kind, and which are refused before they are decoded."""

import io
import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from api.inputs.canonical import canonical_cutout, canonical_mask, canonical_picture
from api.inputs.headers import PictureRefused
from shared.png_text import SIGNATURE
from tests.support.input_pictures import (
    BLACK,
    GREEN,
    RED,
    WHITE,
    encoded,
    half_and_half,
    mask_of_left,
    opened,
)
from tests.support.pngs import END, chunk, make_png

SIZE = (40, 32)
LEFT, RIGHT = (5, 5), (35, 5)


def seen(picture: bytes) -> Image.Image:
    """Give a picture as it is kept."""
    kept = opened(canonical_picture(picture))
    assert (kept.format, kept.mode) == ("PNG", "RGB")
    return kept


def refusal_of(picture: bytes, read: Callable[[bytes], bytes] = canonical_picture) -> str:
    with pytest.raises(PictureRefused) as refused:
        read(picture)
    return str(refused.value)


def png_header(width: int, height: int) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)


def huge_png(width: int, height: int) -> bytes:
    """Say to be of a size, with next to no pixels."""
    parts = (png_header(width, height), (b"IDAT", zlib.compress(b"\0")), END)
    return SIGNATURE + b"".join(chunk(*part) for part in parts)


class TestFormats:
    @pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP"])
    def test_are_told_by_their_first_bytes(self, name: str) -> None:
        kept = seen(encoded(half_and_half(SIZE), name))
        assert kept.size == SIZE
        red, green, blue = kept.getpixel(LEFT)  # type: ignore[misc]
        assert red > 240
        assert green < 20
        assert blue < 20

    @pytest.mark.parametrize("name", ["GIF", "BMP", "TIFF", "ICO", "PPM"])
    def test_that_are_others_are_refused(self, name: str) -> None:
        picture = encoded(half_and_half(SIZE), name)
        assert refusal_of(picture) == "is not a PNG, a JPEG or a WebP"

    @pytest.mark.parametrize("picture", [b"", b"x", b"\x89PNG", b"RIFF", b"\xff\xd8\xff"])
    def test_that_have_nothing_behind_their_first_bytes_are_refused(self, picture: bytes) -> None:
        refusal_of(picture)

    @pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP"])
    @pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
    def test_that_are_cut_off_are_refused(self, name: str, share: float) -> None:
        picture = encoded(Image.effect_noise((200, 200), 90).convert("RGB"), name)
        assert "damaged or cut off" in refusal_of(picture[: int(len(picture) * share)]) or (
            "is a PNG that is cut off" in refusal_of(picture[: int(len(picture) * share)])
        )

    @pytest.mark.parametrize("name", ["PNG", "WEBP"])
    def test_that_are_animated_are_refused(self, name: str) -> None:
        frames = [Image.new("RGB", SIZE, colour) for colour in (RED, GREEN, BLACK)]
        picture = encoded(frames[0], name, save_all=True, append_images=frames[1:])
        assert refusal_of(picture) == "is animated; one picture is needed"

    @settings(max_examples=60, deadline=None)
    @given(st.sampled_from(["PNG", "JPEG", "WEBP"]), st.data())
    def test_that_are_damaged_anywhere_are_kept_or_refused(
        self, name: str, data: st.DataObject
    ) -> None:
        picture = bytearray(encoded(half_and_half(SIZE), name))
        at = data.draw(st.integers(0, len(picture) - 1))
        picture[at] = data.draw(st.integers(0, 255))
        try:
            kept = opened(canonical_picture(bytes(picture)))
        except PictureRefused:
            return
        assert kept.mode == "RGB"


class TestSizes:
    @pytest.mark.parametrize("size", [(8193, 1), (1, 8193), (5000, 4000), (2**31 - 1, 2**31 - 1)])
    def test_too_large_ones_are_refused_unread(self, size: tuple[int, int]) -> None:
        message = refusal_of(huge_png(*size))
        assert message.startswith(f"is {size[0]}x{size[1]}; at most 8192 pixels a side")

    @pytest.mark.parametrize("name", ["JPEG", "WEBP"])
    def test_of_other_formats_too(self, name: str) -> None:
        picture = encoded(Image.new("L", (8200, 8)), name)
        assert refusal_of(picture).startswith("is 8200x8; at most")

    def test_of_a_lossless_webp_too(self) -> None:
        picture = encoded(Image.new("RGB", (8200, 8)), "WEBP", lossless=True)
        assert refusal_of(picture).startswith("is 8200x8; at most")

    def test_of_an_extended_webp_too(self) -> None:
        picture = encoded(Image.new("RGBA", (8200, 8), (1, 2, 3, 4)), "WEBP")
        assert picture[12:16] == b"VP8X"
        assert refusal_of(picture).startswith("is 8200x8; at most")

    def test_large_ones_are_kept_no_larger_than_they_are_needed(self) -> None:
        assert seen(encoded(Image.new("RGB", (4000, 2000)), "JPEG")).size == (1536, 768)

    @pytest.mark.parametrize("size", [(768, 3000), (1, 1), (700, 20)])
    def test_small_ones_stay(self, size: tuple[int, int]) -> None:
        assert seen(encoded(Image.new("RGB", size))).size == size


class TestBombs:
    @pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
    def test_in_a_pngs_other_chunks_are_left_out(self, kind: bytes) -> None:
        bomb = b"name\0\0" + zlib.compress(b"\0" * 100_000_000, 9)
        assert seen(make_png((kind, bomb))).size == (2, 1)

    def test_of_a_jpegs_scans_are_refused(self) -> None:
        picture = encoded(half_and_half(SIZE), "JPEG", progressive=True)
        start = picture.index(b"\xff\xda")
        scan = picture[start : picture.index(b"\xff", start + 2)]
        assert "scans" in refusal_of(picture[:start] + scan * 200 + picture[start:])


class TestOrientation:
    @pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP"])
    def test_is_applied(self, name: str) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6  # To be turned by 90 degrees clockwise.
        kept = seen(encoded(half_and_half(SIZE), name, exif=exif))
        assert kept.size == (32, 40)
        red, green = kept.getpixel((16, 5)), kept.getpixel((16, 35))
        assert red[0] > 240  # type: ignore[index]
        assert green[0] < 20  # type: ignore[index]

    def test_that_is_nonsense_is_none(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 77
        assert seen(encoded(half_and_half(SIZE), "JPEG", exif=exif)).size == SIZE


class TestColours:
    def test_transparency_shows_white(self) -> None:
        image = half_and_half(SIZE).convert("RGBA")
        image.paste((0, 0, 255, 0), (0, 0, 20, 32))
        kept = seen(encoded(image))
        assert (kept.getpixel(LEFT), kept.getpixel(RIGHT)) == (WHITE, GREEN)

    def test_half_transparency_is_mixed_with_white(self) -> None:
        kept = seen(encoded(Image.new("RGBA", SIZE, (0, 0, 0, 128))))
        assert kept.getpixel(LEFT) == (127, 127, 127)

    def test_a_transparent_colour_of_a_palette_shows_white(self) -> None:
        image = half_and_half(SIZE).convert("P", palette=Image.Palette.ADAPTIVE)
        transparent = image.getpixel(LEFT)
        kept = seen(encoded(image, transparency=transparent))
        assert (kept.getpixel(LEFT), kept.getpixel(RIGHT)) == (WHITE, GREEN)

    @pytest.mark.parametrize("mode", ["P", "1", "L", "LA"])
    def test_of_other_modes_become_rgb(self, mode: str) -> None:
        kept = seen(encoded(Image.new("L", SIZE, 255).convert(mode)))
        assert kept.getpixel(LEFT) == WHITE

    def test_of_print_become_rgb(self) -> None:
        kept = seen(encoded(Image.new("CMYK", SIZE, (0, 255, 255, 0)), "JPEG"))
        red, green, _ = kept.getpixel(LEFT)  # type: ignore[misc]
        assert red > 240
        assert green < 20

    @pytest.mark.parametrize(("deep", "flat"), [(0, 0), (255, 0), (256, 1), (32768, 128)])
    def test_of_16_bits_keep_the_higher_8(self, deep: int, flat: int) -> None:
        image = Image.new("I;16", SIZE, deep)
        assert seen(encoded(image)).getpixel(LEFT) == (flat, flat, flat)

    def test_of_16_bits_each_keep_the_higher_8_too(self) -> None:
        header = b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
        pixels = b"IDAT", zlib.compress(b"\0" + bytes([200, 255, 100, 255, 1, 255]))
        picture = SIGNATURE + b"".join(chunk(*part) for part in (header, pixels, END))
        assert seen(picture).getpixel((0, 0)) == (200, 100, 1)


class TestKeptForm:
    def test_is_the_same_for_the_same_pixels(self) -> None:
        image = half_and_half(SIZE)
        plain, optimised = encoded(image), encoded(image, optimize=True, compress_level=9)
        assert plain != optimised
        assert canonical_picture(plain) == canonical_picture(optimised)

    def test_stays_as_it_is(self) -> None:
        kept = canonical_picture(encoded(half_and_half((1000, 900))))
        assert canonical_picture(kept) == kept

    def test_has_no_word_of_the_client(self) -> None:
        exif = Image.Exif()
        exif[0x010E] = "taken at home"
        kept = canonical_picture(encoded(half_and_half(SIZE), "JPEG", exif=exif, comment=b"home"))
        assert b"home" not in kept


class TestMask:
    def test_is_grey(self) -> None:
        kept = opened(canonical_mask(encoded(mask_of_left(SIZE).convert("RGB"))))
        assert (kept.mode, kept.getpixel(LEFT), kept.getpixel(RIGHT)) == ("L", 255, 0)

    def test_leaves_alone_what_is_transparent(self) -> None:
        image = Image.new("RGBA", SIZE, (255, 255, 255, 0))
        image.paste((255, 255, 255, 255), (0, 0, 20, 32))
        kept = opened(canonical_mask(encoded(image)))
        assert (kept.getpixel(LEFT), kept.getpixel(RIGHT)) == (255, 0)

    def test_that_leaves_nothing_to_paint_is_refused(self) -> None:
        message = refusal_of(encoded(Image.new("L", SIZE, 100)), canonical_mask)
        assert message == "leaves nothing to paint anew: no part of it is white"


class TestCutout:
    def test_is_painted_where_it_is_transparent(self) -> None:
        image = Image.new("RGBA", SIZE, (9, 9, 9, 255))
        image.paste((9, 9, 9, 0), (0, 0, 20, 32))
        kept = opened(canonical_cutout(encoded(image)))
        assert (kept.mode, kept.getpixel(LEFT), kept.getpixel(RIGHT)) == ("L", 255, 0)

    def test_without_transparency_is_refused(self) -> None:
        refusal_of(encoded(half_and_half(SIZE)), canonical_cutout)


def test_pictures_of_phones_with_a_second_one_inside_are_taken() -> None:
    buffer = io.BytesIO()
    second = Image.new("RGB", (10, 10))
    half_and_half(SIZE).save(buffer, "MPO", save_all=True, append_images=[second])
    assert seen(buffer.getvalue()).size == SIZE
