"""A client that costs little beside what it measures: one kept connection, no library.

A usual HTTP client takes a millisecond of the processor for a request, which on a small machine
is the server's.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Ask:
    """A request that is to be sent."""

    method: str
    path: str
    body: dict[str, object] | None = None


@dataclass(frozen=True)
class Answer:
    """What came back, and after how long."""

    status: int
    headers: dict[str, str]
    """By their names in lower case."""

    body: bytes
    seconds: float
    """From the first byte that was sent to the last that came."""

    ended_at: float
    """By the machine's clock, in seconds since 1970."""

    def json(self) -> Any:  # noqa: ANN401  # JSON has no type.
        """Give the body, parsed."""
        return json.loads(self.body)

    def expect(self, status: int) -> Self:
        """Give the answer itself.

        Raises:
            RuntimeError: It has another status.
        """
        if self.status != status:
            message = f"{self.status} instead of {status}: {self.body[:300]!r}"
            raise RuntimeError(message)
        return self


class Connection:
    """One connection over HTTP/1.1; open it with `await Connection.to(url)`."""

    def __init__(
        self, url: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._url = url
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, url: str) -> Self:
        """Connect."""
        parts = urlsplit(url)
        return cls(url, *await asyncio.open_connection(parts.hostname, parts.port))

    async def send(self, ask: Ask) -> Answer:
        """Send a request and wait for the whole answer."""
        await self._reopen_if_closed()
        message = _message(ask)
        started = time.perf_counter()
        self._writer.write(message)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status, headers = _parse(head)
        body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        seconds = time.perf_counter() - started
        return Answer(status, headers, body, seconds, ended_at=time.time())

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    async def _reopen_if_closed(self) -> None:
        await asyncio.sleep(0)  # So that the loop sees a server that has hung up meanwhile.
        if self._reader.at_eof():
            self.close()
            other = await Connection.to(self._url)
            self._reader, self._writer = other._reader, other._writer  # noqa: SLF001


def _message(ask: Ask) -> bytes:
    body = b"" if ask.body is None else json.dumps(ask.body).encode()
    head = (
        f"{ask.method} {ask.path} HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _parse(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    pairs = (line.partition(":")[::2] for line in lines)
    return int(first.split(" ")[1]), {name.lower(): value.strip() for name, value in pairs}
