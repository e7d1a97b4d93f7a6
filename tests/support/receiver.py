"""A receiver of webhooks, which answers as a test tells it; each way is named for what it does."""

import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import TracebackType
from typing import Self

_DRIP_SECONDS = 0.05


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Connection:
    """What a way of answering works with."""

    handler: BaseHTTPRequestHandler
    closing: Event
    """Set when the receiver ends, so that nothing hangs for longer than its test."""

    def send(self, data: bytes) -> None:
        self.handler.wfile.write(data)
        self.handler.wfile.flush()

    def drip(self, data: bytes) -> None:
        while not self.closing.wait(_DRIP_SECONDS):
            self.send(data)


Way = Callable[[Connection], None]


def answers(status: int, body: bytes = b"thanks", **headers: str) -> Way:
    def answer(connection: Connection) -> None:
        handler = connection.handler
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        connection.send(body)

    return answer


def redirects(to: str) -> Way:
    return answers(302, Location=to)


def hangs(connection: Connection) -> None:
    connection.closing.wait()


def hangs_up(connection: Connection) -> None:
    connection.handler.close_connection = True


def talks_nonsense(connection: Connection) -> None:
    connection.send(b"I do not speak HTTP\r\n\r\n")


def drips_its_headers(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\n")
    connection.drip(b"X-Drip: 1\r\n")


def drips_its_body(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    connection.drip(b"x")


def floods(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while not connection.closing.is_set():
        connection.send(b"x" * 65536)


class Receiver:
    """Listens on loopback, remembers what came, and answers each request in the next way.

    The last way is that of all further requests.
    """

    def __init__(
        self, *ways: Way, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None
    ) -> None:
        self.received: list[Received] = []
        self._ways: Sequence[Way] = ways or (answers(200),)
        self._closing = Event()
        self._tls = tls
        self._server = ThreadingHTTPServer((address, 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), name="receiver")

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?a=b"

    def __enter__(self) -> Self:
        if self._tls:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                way = receiver._next_way()
                receiver.received.append(Received(self.path, headers, body))
                with suppress(OSError):  # The sender has had enough.
                    way(Connection(self, receiver._closing))

            def handle(self) -> None:
                with suppress(OSError):
                    super().handle()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        return Handler

    def _next_way(self) -> Way:
        return self._ways[min(len(self.received), len(self._ways) - 1)]
