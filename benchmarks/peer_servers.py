"""Other servers with the same weights and the same requests."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.environments import python_with
from benchmarks.servers import process, seconds_until_answered
from benchmarks.stacks import MODEL, running
from scripts.ports import free_port


@dataclass(frozen=True)
class Server:
    """Where to ask for pictures."""

    url: str
    path: str


@contextmanager
def ours() -> Iterator[Server]:
    """Serve as users do."""
    with running(MODEL) as stack:
        yield Server(stack.url, "/generate")


@contextmanager
def example() -> Iterator[Server]:
    """Serve with few lines around diffusers."""
    with _serving(sys.executable, "benchmarks.others.example_server") as url:
        yield Server(url, "/generate")


@contextmanager
def litserve() -> Iterator[Server]:
    """Serve with LitServe."""
    with _serving(python_with("litserve"), "benchmarks.others.litserve_server") as url:
        yield Server(url, "/predict")


@contextmanager
def _serving(python: str, module: str) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with process((python, "-m", module), {"PORT": str(port)}):
        seconds_until_answered(url, "/health")
        yield url
