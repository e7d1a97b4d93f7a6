"""A worker that begins nothing while it is held."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.stacks import SLEEPING, running
from tests.support.stack import Stack


class Hold:
    """Holds the worker until it is let go."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def take(self) -> None:
        """Hold it."""
        self._file.touch()

    def let_go(self) -> None:
        """Let it begin."""
        self._file.unlink()


@contextmanager
def held(seconds: float = 0) -> Iterator[tuple[Stack, Hold]]:
    """Give a service whose worker is held; a picture then takes so many seconds."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "hold"
        settings = {"BENCH_HOLD": str(file), "BENCH_SECONDS": str(seconds)}
        with running(SLEEPING, settings) as stack:
            hold = Hold(file)
            hold.take()
            yield stack, hold
