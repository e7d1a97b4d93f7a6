"""The service under measurement: a Redis, a worker and an API of its own, each a process."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.clients import send_all
from benchmarks.records import asks
from tests.support.stack import Stack

MODEL = "worker.main"
"""The worker that users run."""

BESIDE_BARE = "benchmarks.workers.beside_bare"
SLEEPING = "benchmarks.workers.sleeping"

_OF_THE_MACHINE = ("MODEL_ID", "DEVICE", "TORCH_DTYPE", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES")
_UNBOUND = {
    "MAX_CONCURRENT_REQUESTS": "1000000",
    "REQUEST_TIMEOUT": "1800",
    "JOB_TIMEOUT": "3600",
    "STEP_TIMEOUT": "3600",
}


@contextmanager
def prepared(worker: str, settings: dict[str, str] | None = None) -> Iterator[Stack]:
    """Give a service of which only Redis runs; all of it is stopped in the end."""
    chosen = {name: os.environ[name] for name in _OF_THE_MACHINE if name in os.environ}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        everything = {**_UNBOUND, **chosen, **(settings or {})}
        with Stack(Path(folder), everything, worker=worker) as stack:
            stack.start("redis")
            stack.wait_for_redis()
            yield stack


@contextmanager
def running(worker: str, settings: dict[str, str] | None = None) -> Iterator[Stack]:
    """Give a service that has painted its first picture, which takes longer."""
    with prepared(worker, settings) as stack:
        stack.start("worker", "api")
        stack.wait_until_ready()
        send_all(stack.url, asks(1, "/generate", size=256, steps=5), 1)[0].expect(200)
        yield stack


def start_another_worker(stack: Stack, number: int) -> None:
    """Start one more worker, under a name of its own."""
    name = f"worker-{number}"
    own = (f"WORKER_NAME={name}", "WORKER_METRICS_PORT=0")
    stack.commands[name] = ("env", *own, sys.executable, "-m", stack.worker)
    stack.start(name)
