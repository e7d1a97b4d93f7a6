"""Schemathesis asks everything that the OpenAPI document allows, and much that it does not.

`FUZZ_SECONDS=600` goes on for so long, from another seed each time (or from `FUZZ_SEED`).
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stack import ROOT, Stack

KEY = "the-key-of-the-fuzzer"
SECONDS = os.environ.get("FUZZ_SECONDS")
KEYS = [KEY] if SECONDS is None else [KEY, ""]  # Without one everybody is let in.
SETTINGS = {
    "MAX_CONCURRENT_REQUESTS": "1000",
    "WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}
SHORT = ("--seed", "20260102", "--max-examples", "8", "--generation-deterministic")
COMMAND = (
    *(sys.executable, "-m", "schemathesis.cli"),
    *("--config-file", "tests/fuzz/schemathesis.toml", "run", "--no-color"),
)


@pytest.fixture(params=KEYS, ids=lambda key: "with a key" if key else "open to all")
def stack(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The service with every check at its door, before a worker that paints at once."""
    settings = {**SETTINGS, "API_KEY": request.param}
    with Stack(tmp_path, settings, worker="tests.support.flat_worker") as stack:
        stack.start("redis", "worker", "api")
        stack.wait_until_ready()
        yield stack


def extent() -> tuple[str, ...]:
    if SECONDS is None:
        return SHORT
    seed = os.environ.get("FUZZ_SEED")
    return ("--max-time", SECONDS, *(("--seed", seed) if seed else ()))


@pytest.mark.timeout(int(SECONDS or 0) + 300)
def test_nothing_breaks_and_every_answer_is_as_the_document_says(stack: Stack) -> None:
    fuzzer = subprocess.run(
        [*COMMAND, *extent(), f"{stack.url}/openapi.json"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert fuzzer.returncode == 0, "what it found is above"
