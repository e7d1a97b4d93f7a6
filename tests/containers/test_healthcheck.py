from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from scripts.healthcheck import complaint
from scripts.ports import free_port


class Answers(BaseHTTPRequestHandler):
    """Answers each path that is a number with that status."""

    def do_GET(self) -> None:  # As the library calls it.
        self.send_response(int(self.path[1:]))
        self.end_headers()
        self.wfile.write(b"loaded 1.0")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


class TestHealthcheck:
    def test_is_content_with_a_200(self, port: int) -> None:
        assert complaint(port, "/200") is None

    def test_says_what_else_is_answered(self, port: int) -> None:
        assert complaint(port, "/503") == f"port {port} answers /503 with 503"

    def test_wants_a_text_where_one_is_named(self, port: int) -> None:
        assert complaint(port, "/200", "loaded 1.0") is None
        assert complaint(port, "/200", "loaded 2") == f"port {port} answers /200 without 'loaded 2'"

    def test_says_that_nothing_answers(self) -> None:
        port = free_port()
        said = complaint(port, "/")
        assert said is not None
        assert said.startswith(f"port {port} does not answer: ")
