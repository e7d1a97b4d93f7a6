from collections.abc import Iterator
from contextlib import contextmanager
from socket import create_server
from wsgiref.simple_server import WSGIServer

import httpx
import pytest

from scripts.ports import free_port
from shared.settings import Settings
from tests.support.scrape import Scrape
from worker.metrics import WorkerMetrics
from worker.metrics_server import serve_metrics


def serve_on(port: int) -> WSGIServer | None:
    host = Settings(_env_file=None).worker_metrics_host
    return serve_metrics(WorkerMetrics().exposed(), host, port)


@contextmanager
def served() -> Iterator[int]:
    port = free_port()
    server = serve_on(port)
    assert server is not None
    try:
        yield port
    finally:
        server.shutdown()
        server.server_close()


class TestServeMetrics:
    def test_answers_scrapes_with_counts_model_and_process(self) -> None:
        with served() as port:
            seen = Scrape.from_urls(f"http://127.0.0.1:{port}/metrics")
        assert seen.has("semantic_bit_steps_total")
        assert seen.has("semantic_bit_model_loaded")
        assert seen.has("process_resident_memory_bytes")

    def test_listens_on_this_machine_only_where_nothing_else_is_set(self) -> None:
        with served() as port, pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.2:{port}/metrics")

    def test_goes_on_without_where_the_port_is_taken(self) -> None:
        with create_server(("127.0.0.1", 0)) as taken:
            assert serve_on(taken.getsockname()[1]) is None

    def test_listens_nowhere_where_it_is_turned_off(self) -> None:
        assert serve_on(0) is None
