"""Other servers and programs that the service is compared with, each a process of its own."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import psutil

from benchmarks.clients import session
from benchmarks.files import ROOT, SCRATCH

LOG = SCRATCH / "programs.log"
"""What the programs had to say."""

_PATIENCE_SECONDS = 120
_POLL_SECONDS = 0.002
_NOTHING: Mapping[str, str] = {}


@contextmanager
def process(
    command: Sequence[str], environment: Mapping[str, str] = _NOTHING, *, talks: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in the project's folder; it and its children are stopped in the end.

    What it says goes to a log, but its output to us if it talks.
    """
    SCRATCH.mkdir(exist_ok=True)
    with LOG.open("ab") as log:
        started = subprocess.Popen(  # noqa: S603  # Our own programs.
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if talks else log,
            stderr=log,
        )
    try:
        yield started
    finally:
        _stop(psutil.Process(started.pid))
        started.wait()


def seconds_until_answered(url: str, path: str) -> float:
    """Wait until a server that was just started answers 200, and give the seconds of that.

    Raises:
        TimeoutError: It does not in two minutes.
    """
    started = time.perf_counter()
    while (seconds := time.perf_counter() - started) < _PATIENCE_SECONDS:
        with suppress(OSError, EOFError, ValueError), session(url) as client:
            client.get(path).expect(200)
            return time.perf_counter() - started
        time.sleep(_POLL_SECONDS)
    message = f"{url}{path} does not answer after {seconds:.0f} s"
    raise TimeoutError(message)


def _stop(parent: psutil.Process) -> None:
    family = [*_children(parent), parent]
    for one in family:
        with suppress(psutil.NoSuchProcess):
            one.terminate()
    _, alive = psutil.wait_procs(family, timeout=5)
    for one in alive:
        one.kill()


def _children(parent: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return parent.children(recursive=True)
    return []
