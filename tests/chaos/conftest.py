"""The seed at the start of a run, its figures at the end."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from tests.chaos.bench import FULL, SEED, Figures, GoodClient, chance
from tests.support.stack import Stack

_figures: list[str] = []


def pytest_report_header() -> str:
    return f"chaos: CHAOS_SEED={SEED} CHAOS_SCALE={'full' if FULL else 'short'}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section(f"chaos, CHAOS_SEED={SEED}")
    for line in _figures:
        terminalreporter.write_line(line)


@pytest.fixture
def report() -> Callable[[Figures], None]:
    """Says what a run has shown: at the end, and in the file that CHAOS_REPORT names."""

    def say(figures: Figures) -> None:
        _figures.append(str(figures))
        if path := os.environ.get("CHAOS_REPORT"):
            with Path(path).open("a") as lines:
                lines.write(f"{figures}\n")

    return say


@pytest.fixture
def random(request: pytest.FixtureRequest) -> Random:
    return chance(request.node.name)


@pytest.fixture
def client(stack: Stack) -> Iterator[GoodClient]:
    """A good client of the module's own stack."""
    with GoodClient(stack.url) as client:
        yield client
