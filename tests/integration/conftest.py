"""One stack for all tests that do not break it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.loras import write_kohya_lora
from tests.support.stack import PATIENCE_SECONDS, Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    stack = Stack(folder, settings={"LORA_DIR": str(lora_dir(folder))})
    stack.start("redis", "worker", "api")
    try:
        stack.wait_until_ready()
        yield stack
    finally:
        stack.stop("api", "worker")
        stack.stop("redis")


def lora_dir(folder: Path) -> Path:
    """Give the folder of LoRAs in that of a stack, with one in it."""
    loras = folder / "loras"
    loras.mkdir()
    write_kohya_lora(loras / "stripes.safetensors")
    return loras


@pytest.fixture
def client(stack: Stack) -> Iterator[httpx.Client]:
    """A client of that stack, or of the one that a module has in its place."""
    with httpx.Client(base_url=stack.url, timeout=PATIENCE_SECONDS) as client:
        yield client
