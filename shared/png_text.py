"""The text in a PNG, read without its pixels and without trust in what it says of itself."""

import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"

MAX_TEXT_BYTES = 65536
"""Of one text, decompressed; more is refused before it is there."""

HEAD_BYTES = 24
"""As many of a PNG's bytes say its size."""

_MAX_CHUNKS = 10_000
_FRAME_BYTES = 12  # Length, kind and checksum around the content of a chunk.
_HEADER_BYTES = 13
_SHOWS_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})


class PngUnreadable(ValueError):
    """The bytes are not a whole PNG, or its text is broken or too long."""


@dataclass(frozen=True)
class Png:
    """A picture as it came: whole, and not decoded."""

    data: bytes
    width: int
    height: int
    text: Mapping[str, str]
    """By keyword, of the keywords that were asked for."""

    is_animated: bool = False

    def pixels_only(self, *others: bytes) -> bytes:
        """Give the PNG without what does not change its pixels: profiles, dates, texts.

        Chunks of `others` are kept too.
        """
        wanted = _SHOWS_PIXELS.union(others)
        kept = (frame for kind, frame in _frames(self.data) if kind in wanted)
        return b"".join([SIGNATURE, *kept])


def size_in(head: bytes) -> tuple[int, int]:
    """Give width and height from the first bytes of a PNG."""
    return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])


def read_png(data: bytes, keywords: Collection[str]) -> Png:
    """Read a PNG's size and its texts under these keywords.

    Raises:
        PngUnreadable: It is cut off, damaged or no PNG, or a text is broken or too long.
    """
    frames = _frames(data)
    width, height = _size(*next(frames))
    text: dict[str, str] = {}
    is_animated = False
    for kind, frame in frames:
        is_animated |= kind == b"acTL"
        if kind in _READERS:
            keyword, _, rest = _content(frame).partition(b"\0")
            name = keyword.decode("latin-1")
            if name in keywords:
                text[name] = _READERS[kind](rest)
    return Png(data, width, height, text, is_animated)


def _frames(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    if not data.startswith(SIGNATURE):
        message = "is not a PNG"
        raise PngUnreadable(message)
    view, start = memoryview(data), len(SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        length = int.from_bytes(view[start : start + 4])
        end = start + _FRAME_BYTES + length
        if end > len(data):
            message = "is a PNG that is cut off"
            raise PngUnreadable(message)
        kind = data[start + 4 : start + 8]
        if zlib.crc32(view[start + 4 : end - 4]) != int.from_bytes(view[end - 4 : end]):
            message = f"is a damaged PNG: the checksum of a chunk {kind!r} is wrong"
            raise PngUnreadable(message)
        yield kind, view[start:end]
        if kind == b"IEND":
            return
        start = end
    message = f"is a PNG of more than {_MAX_CHUNKS} chunks"
    raise PngUnreadable(message)


def _size(kind: bytes, frame: memoryview) -> tuple[int, int]:
    header = _content(frame)
    if kind != b"IHDR" or len(header) != _HEADER_BYTES:
        message = "is a damaged PNG: it does not begin with its size"
        raise PngUnreadable(message)
    return int.from_bytes(header[:4]), int.from_bytes(header[4:8])


def _content(frame: memoryview) -> bytes:
    return bytes(frame[8:-4])


def _plain(rest: bytes) -> str:
    return _short(rest).decode("latin-1")


def _compressed(rest: bytes) -> str:
    return _inflated(rest[1:]).decode("latin-1")  # After the number of the only method there is.


def _international(rest: bytes) -> str:
    is_compressed = rest[:1] == b"\1"
    *_, text = _parts_of_international(rest[2:])
    try:
        return (_inflated(text) if is_compressed else _short(text)).decode()
    except UnicodeDecodeError:
        message = "is a PNG with text that is not UTF-8"
        raise PngUnreadable(message) from None


def _parts_of_international(rest: bytes) -> list[bytes]:
    parts = rest.split(b"\0", 2)  # Language, translated keyword, text.
    if len(parts) != 3:  # noqa: PLR2004
        message = "is a PNG with a broken text"
        raise PngUnreadable(message)
    return parts


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(data, MAX_TEXT_BYTES + 1)
    except zlib.error:
        message = "is a PNG with compressed text that is broken"
        raise PngUnreadable(message) from None
    if not inflater.eof and len(text) <= MAX_TEXT_BYTES:
        message = "is a PNG with compressed text that is cut off"
        raise PngUnreadable(message)
    return _short(text)


def _short(text: bytes) -> bytes:
    if len(text) > MAX_TEXT_BYTES:
        message = f"is a PNG with a text of more than {MAX_TEXT_BYTES} bytes"
        raise PngUnreadable(message)
    return text


_READERS = {b"tEXt": _plain, b"zTXt": _compressed, b"iTXt": _international}
