"""The tables and plots inside of docs/performance.md and docs/reproducibility.md.

Each goes between `<!-- NAME -->` and `<!-- /NAME -->`; what lies around them is written by hand.
"""

import re
from collections.abc import Mapping

from benchmarks.files import ROOT
from benchmarks.report import Report
from benchmarks.tables import table

DOCUMENT = ROOT / "docs" / "performance.md"
ON_PIXELS = ROOT / "docs" / "reproducibility.md"
PLOTS = ROOT / "docs" / "performance"

_BLOCK = re.compile(r"(<!-- (?P<name>[a-z]+) -->\n).*?(<!-- /(?P=name) -->)", re.DOTALL)
_NOT_MEASURED = "Not measured yet."


def fill(text: str, reports: Mapping[str, Report]) -> str:
    """Give the document with what was measured in its blocks, in place of what was there."""

    def block(found: re.Match[str]) -> str:
        report = reports.get(found["name"])
        return f"{found[1]}{_show(report) if report else _NOT_MEASURED}\n{found[3]}"

    return _BLOCK.sub(block, text)


def blocks_of(text: str) -> list[str]:
    """Give the names of the blocks in their order."""
    return [found["name"] for found in _BLOCK.finditer(text)]


def _show(report: Report) -> str:
    pictures = (f"![{plot.title}]({PLOTS.name}/{plot.name}.svg)" for plot in report.findings.plots)
    return "\n\n".join([table(report), *pictures])
