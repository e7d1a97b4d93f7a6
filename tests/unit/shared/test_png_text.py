import io
import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from shared.png_text import (
    HEAD_BYTES,
    MAX_TEXT_BYTES,
    SIGNATURE,
    PngUnreadable,
    read_png,
    size_in,
)
from tests.support.pngs import END, HEADER, PIXELS, chunk, flat_png, make_png, open_png

KEYWORDS = {"parameters", "other"}
BOMB = zlib.compress(bytes(50_000_000), 9)


def texts_of(*chunks: tuple[bytes, bytes]) -> dict[str, str]:
    return dict(read_png(make_png(*chunks), KEYWORDS).text)


def refusal_of(data: bytes) -> str:
    with pytest.raises(PngUnreadable) as refused:
        read_png(data, KEYWORDS)
    return str(refused.value)


class TestText:
    @settings(deadline=None)
    @given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300))
    def test_is_what_the_worker_wrote(self, text: str) -> None:
        png = flat_png({"parameters": text}, size=(8, 8))
        assert read_png(png, KEYWORDS).text == {"parameters": text}

    @pytest.mark.parametrize("compressed", [True, False])
    @pytest.mark.parametrize("text", ["", "plain", "é" * 500, "ネコ \U0001f431"])
    def test_is_what_pillow_wrote_in_utf_8(self, text: str, *, compressed: bool) -> None:
        info = PngInfo()
        info.add_itxt("parameters", text, "en", "Parameter", zip=compressed)
        png = io.BytesIO()
        Image.new("RGB", (1, 1)).save(png, "PNG", pnginfo=info)
        assert read_png(png.getvalue(), KEYWORDS).text == {"parameters": text}

    def test_may_be_compressed_latin_1(self) -> None:
        data = b"parameters\0\0" + zlib.compress("é".encode("latin-1"))
        assert texts_of((b"zTXt", data)) == {"parameters": "é"}

    def test_may_come_after_the_pixels(self) -> None:
        parts = [HEADER, PIXELS, (b"tEXt", b"parameters\0late"), END]
        png = SIGNATURE + b"".join(chunk(*part) for part in parts)
        assert read_png(png, KEYWORDS).text == {"parameters": "late"}

    def test_of_other_keywords_is_not_looked_at(self) -> None:
        assert texts_of((b"zTXt", b"workflow\0\0broken"), (b"tEXt", b"other\0seen")) == {
            "other": "seen"
        }

    def test_that_comes_twice_is_the_last_one_as_in_pillow(self) -> None:
        chunks = [(b"tEXt", b"other\0" + text) for text in (b"first", b"last")]
        assert texts_of(*chunks) == {"other": "last"}
        assert open_png(make_png(*chunks)).info == {"other": "last"}

    def test_may_be_as_long_as_the_limit(self) -> None:
        assert len(texts_of((b"tEXt", b"other\0" + b"x" * MAX_TEXT_BYTES))["other"]) == 65536

    @pytest.mark.parametrize(
        ("kind", "content"),
        [
            (b"tEXt", b"other\0" + bytes(MAX_TEXT_BYTES + 1)),
            (b"zTXt", b"other\0\0" + BOMB),
            (b"iTXt", b"other\0\1\0\0\0" + BOMB),
            (b"iTXt", b"other\0\0\0\0\0" + bytes(MAX_TEXT_BYTES + 1)),
        ],
    )
    def test_that_is_too_long_is_refused_before_it_is_there(
        self, kind: bytes, content: bytes
    ) -> None:
        assert (
            refusal_of(make_png((kind, content))) == "is a PNG with a text of more than 65536 bytes"
        )

    @pytest.mark.parametrize(
        ("kind", "content", "reason"),
        [
            (b"zTXt", b"other\0\0not zlib", "compressed text that is broken"),
            (b"zTXt", b"other", "compressed text that is cut off"),
            (
                b"zTXt",
                b"other\0\0" + zlib.compress(b"text")[:-5],
                "compressed text that is cut off",
            ),
            (b"iTXt", b"other\0\1\0\0\0not zlib", "compressed text that is broken"),
            (b"iTXt", b"other\0\0\0\0\0\xff", "text that is not UTF-8"),
            (b"iTXt", b"other\0\0\0\0\0\xed\xa0\x80", "text that is not UTF-8"),
            (b"iTXt", b"other\0\0\0only", "a broken text"),
            (b"iTXt", b"other", "a broken text"),
        ],
    )
    def test_that_is_broken_is_refused(self, kind: bytes, content: bytes, reason: str) -> None:
        assert refusal_of(make_png((kind, content))) == f"is a PNG with {reason}"


class TestStructure:
    def test_gives_the_size(self) -> None:
        png = read_png(flat_png(size=(320, 256)), KEYWORDS)
        assert (png.width, png.height) == (320, 256)

    @pytest.mark.parametrize(
        "data", [b"", b"\x89PNG", b"\xff\xd8\xff\xe0 a JPEG", b"{}", b"GIF89a"]
    )
    def test_refuses_what_is_no_png(self, data: bytes) -> None:
        assert refusal_of(data) == "is not a PNG"

    def test_refuses_a_png_that_is_cut_off_anywhere(self) -> None:
        whole = make_png((b"tEXt", b"other\0text"))
        for length in range(len(SIGNATURE), len(whole)):
            assert refusal_of(whole[:length]) == "is a PNG that is cut off"

    @pytest.mark.parametrize("length", [2**31, 2**32 - 1])
    def test_refuses_a_chunk_that_claims_to_be_huge(self, length: int) -> None:
        png = SIGNATURE + chunk(*HEADER) + length.to_bytes(4) + b"tEXt" + b"other\0text"
        assert refusal_of(png) == "is a PNG that is cut off"

    def test_refuses_a_wrong_checksum(self) -> None:
        png = make_png((b"tEXt", b"other\0text")).replace(b"other\0text", b"other\0next")
        assert refusal_of(png) == "is a damaged PNG: the checksum of a chunk b'tEXt' is wrong"

    def test_refuses_more_chunks_than_any_picture_has(self) -> None:
        png = make_png(*[(b"teSt", b"")] * 10_000)
        assert refusal_of(png) == "is a PNG of more than 10000 chunks"

    @pytest.mark.parametrize("first", [PIXELS, (b"IHDR", b"short"), END])
    def test_refuses_a_png_that_does_not_begin_with_its_size(
        self, first: tuple[bytes, bytes]
    ) -> None:
        png = SIGNATURE + chunk(*first) + chunk(*PIXELS) + chunk(*END)
        assert refusal_of(png) == "is a damaged PNG: it does not begin with its size"

    def test_does_not_care_what_follows_the_end(self) -> None:
        assert read_png(make_png() + b"appended", KEYWORDS).text == {}

    @settings(deadline=None)
    @given(data=st.data())
    def test_never_fails_otherwise_on_a_damaged_file(self, data: st.DataObject) -> None:
        png = bytearray(make_png((b"iTXt", b"other\0\1\0en\0t\0" + zlib.compress(b"text"))))
        for _ in range(data.draw(st.integers(1, 4))):
            png[data.draw(st.integers(8, len(png) - 1))] = data.draw(st.integers(0, 255))
        with suppress(PngUnreadable):
            read_png(bytes(png), KEYWORDS)

    @settings(deadline=None)
    @given(kind=st.sampled_from([b"tEXt", b"zTXt", b"iTXt"]), content=st.binary(max_size=40))
    def test_never_fails_otherwise_on_a_text(self, kind: bytes, content: bytes) -> None:
        with suppress(PngUnreadable):
            texts_of((kind, b"other\0" + content))


class TestPixelsOnly:
    def test_drops_what_does_not_change_the_pixels(self) -> None:
        extra = [(b"tEXt", b"other\0text"), (b"iCCP", b"x\0\0" + BOMB), (b"tIME", bytes(7))]
        assert read_png(make_png(*extra), ()).pixels_only() == make_png()

    def test_keeps_a_palette_and_its_transparency(self) -> None:
        image = Image.new("P", (4, 4), 1)
        image.putpalette([0, 0, 0, 10, 20, 30])
        png = io.BytesIO()
        image.save(png, "PNG", transparency=1)
        kept = open_png(read_png(png.getvalue(), ()).pixels_only())
        assert kept.convert("RGBA").getpixel((0, 0)) == (10, 20, 30, 0)

    def test_keeps_what_is_asked_for_beside_them(self) -> None:
        png = make_png((b"eXIf", b"turned"), (b"tEXt", b"a\0b"))
        assert read_png(png, ()).pixels_only(b"eXIf") == make_png((b"eXIf", b"turned"))


class TestHeader:
    def test_says_the_size(self) -> None:
        assert size_in(make_png()[:HEAD_BYTES]) == (2, 1)

    def test_says_whether_it_is_animated(self) -> None:
        assert read_png(make_png((b"acTL", bytes(8))), ()).is_animated
        assert not read_png(make_png(), ()).is_animated
