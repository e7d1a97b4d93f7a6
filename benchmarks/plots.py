"""Plots as SVG."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.report import Plot

# So that the same numbers give the same file.
mpl.rcParams.update({"svg.hashsalt": "semantic-bit", "svg.fonttype": "none", "font.size": 10})

_INCHES = (6, 3.4)


def draw(plot: Plot, folder: Path) -> Path:
    """Draw into `folder` and give the file."""
    figure = Figure(figsize=_INCHES, layout="constrained")
    axes = figure.subplots()
    for line in plot.lines:
        axes.plot(*zip(*line.points, strict=True), marker="o", label=line.label)
    if "x" in plot.logarithmic:
        axes.set_xscale("log")
    if "y" in plot.logarithmic:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set(title=plot.title, xlabel=plot.x, ylabel=plot.y)
    axes.grid(visible=True, alpha=0.3)
    if len(plot.lines) > 1:
        axes.legend()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{plot.name}.svg"
    figure.savefig(path, metadata={"Date": None})
    return path
