"""Programs that take round trips when they are told to."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from subprocess import Popen
from typing import IO

from benchmarks.servers import LOG, process


@dataclass(frozen=True)
class Probe:
    """The outside of `benchmarks.others.probe`."""

    asks: IO[bytes]
    answers: IO[bytes]

    def seconds(self, count: int) -> list[float]:
        """Have so many round trips taken; the seconds of each.

        Raises:
            RuntimeError: The program has ended instead.
        """
        self.asks.write(b"%d\n" % count)
        self.asks.flush()
        line = self.answers.readline()
        if not line:
            message = f"a program has ended; {LOG} may say why"
            raise RuntimeError(message)
        taken: list[float] = json.loads(line)
        return taken


@contextmanager
def probing(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Probe]:
    """Start such a program, and wait until it has taken its first trip."""
    with process(command, environment, talks=True) as started:
        wait_until_ready(started)
        assert started.stdin is not None
        assert started.stdout is not None
        yield Probe(started.stdin, started.stdout)


def wait_until_ready(started: Popen[bytes]) -> None:
    """Wait until a program says that it is ready.

    Raises:
        RuntimeError: It has ended instead.
    """
    assert started.stdout is not None
    for line in started.stdout:
        if line.strip() == b"ready":
            return
    message = f"{started.args!r} has ended before it was ready; {LOG} may say why"
    raise RuntimeError(message)
