"""Where results lie."""

from pathlib import Path

from benchmarks.report import Report

ROOT = Path(__file__).resolve().parents[1]
SCRATCH = ROOT / ".bench"
"""What git ignores: results of quick runs, and environments of other servers."""


def results_folder(*, quick: bool) -> Path:
    """Give the folder of the results that mean something, or of the others."""
    return SCRATCH / "results" if quick else ROOT / "benchmarks" / "results"


def save(report: Report, folder: Path) -> None:
    """Keep a report in place of the last of its name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.name}.json"
    path.write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")


def load_all(folder: Path) -> dict[str, Report]:
    """Give the reports in a folder by their names."""
    reports = (Report.model_validate_json(path.read_bytes()) for path in folder.glob("*.json"))
    return {report.name: report for report in reports}
