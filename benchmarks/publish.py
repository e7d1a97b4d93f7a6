"""Puts the results of the last runs that mean something into the documents."""

from benchmarks.document import DOCUMENT, ON_PIXELS, PLOTS, fill
from benchmarks.files import load_all, results_folder
from benchmarks.plots import draw


def main() -> None:
    """Draw the plots and fill in the tables."""
    reports = load_all(results_folder(quick=False))
    for report in reports.values():
        for plot in report.findings.plots:
            draw(plot, PLOTS)
    for document in (DOCUMENT, ON_PIXELS):
        text = document.read_text(encoding="utf-8")
        document.write_text(fill(text, reports), encoding="utf-8")


if __name__ == "__main__":
    main()
