"""The tables and plots of docs/performance.md, from the JSON of the last runs.

Each goes between `<!-- NAME -->` and `<!-- /NAME -->`; what lies around them is written by hand.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from benchmarks.files import ROOT, load_all, results_folder
from benchmarks.plots import draw
from benchmarks.report import Report
from benchmarks.tables import table

DOCUMENT = ROOT / "docs" / "performance.md"
PLOTS = ROOT / "docs" / "performance"

_BLOCK = re.compile(r"(<!-- (?P<name>[a-z]+) -->\n).*?(<!-- /(?P=name) -->)", re.DOTALL)
_NOT_MEASURED = "Not measured yet."


def main() -> None:
    """Write them."""
    reports = load_all(results_folder(quick=False))
    for report in reports.values():
        for plot in report.findings.plots:
            draw(plot, PLOTS)
    DOCUMENT.write_text(fill(DOCUMENT.read_text(encoding="utf-8"), reports), encoding="utf-8")


def fill(text: str, reports: Mapping[str, Report]) -> str:
    """Give the document with the blocks of what was measured in place of the old ones."""

    def block(found: re.Match[str]) -> str:
        report = reports.get(found["name"])
        return f"{found[1]}{_show(report) if report else _NOT_MEASURED}\n{found[3]}"

    return _BLOCK.sub(block, text)


def _show(report: Report) -> str:
    pictures = (
        f"![{plot.title}]({Path(PLOTS.name) / plot.name}.svg)" for plot in report.findings.plots
    )
    return "\n\n".join([table(report), *pictures])


if __name__ == "__main__":
    main()
