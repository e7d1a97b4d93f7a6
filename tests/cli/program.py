"""The program in this process: its arguments in, its exit code and what it wrote out."""

from dataclasses import dataclass

import pytest

from scripts.cli.main import main


@dataclass(frozen=True)
class Done:
    """How a run ended."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Program:
    """Runs semantic-bit against one service."""

    capture: pytest.CaptureFixture[str]
    url: str

    def __call__(self, *arguments: str) -> Done:
        self.capture.readouterr()  # What came before is not this run's.
        with pytest.raises(SystemExit) as ended:
            main(["--url", self.url, *arguments])
        written = self.capture.readouterr()
        assert isinstance(ended.value.code, int | None)
        return Done(ended.value.code or 0, written.out, written.err)
