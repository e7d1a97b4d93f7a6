"""What every benchmark's command does: measure, keep the result, show it."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.files import results_folder, save
from benchmarks.machine import describe_machine
from benchmarks.report import Findings, Report
from benchmarks.tables import table


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    quick: bool

    def of(self, full: int, quick: int) -> int:
        """Give the count for a run that is to be believed, or for one that only has to work."""
        return quick if self.quick else full


Measure = Callable[[Effort], Findings]


def run(name: str, description: str | None, measure: Measure) -> None:
    """Measure and keep the result as NAME.json."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="only show that it works; the result is kept apart from those that mean something",
    )
    effort = Effort(parser.parse_args().quick)
    measured_at = datetime.now(UTC).isoformat(timespec="seconds")
    report = Report(
        name=name,
        quick=effort.quick,
        measured_at=measured_at,
        machine=describe_machine(),
        findings=measure(effort),
    )
    save(report, results_folder(quick=effort.quick))
    print(table(report))
