"""How far pictures are apart that were computed in other ways: docs/reproducibility.md."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from PIL import Image

from api.pixels import PixelDifference, difference
from benchmarks.bare import device_wanted
from benchmarks.command import Effort, run
from benchmarks.files import ROOT
from benchmarks.report import Figure, Findings
from benchmarks.variations import Variation, variations

SAME = "the same, in another process"


def measure(effort: Effort) -> Findings:
    """Paint once as the worker does, then in every way, and compare the pixels."""
    count, size = effort.of(2, 1), 256
    figures: list[Figure] = []
    notes = [f"CPU threads of torch: {torch.get_num_threads()}."]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        plain = Path(folder) / "plain"
        _paint(SAME, Variation(), plain, count=count, size=size)
        for number, (name, variation) in enumerate(variations(device_wanted()).items()):
            print(name, flush=True)
            other = Path(folder) / str(number)
            try:
                _paint(name, variation, other, count=count, size=size)
            except subprocess.CalledProcessError as error:
                said = error.stderr.strip().splitlines() or [""]
                notes.append(f"Not measured: {name} ({said[-1]}).")
                continue
            figures.append(_figure(name, plain, other))
    return Findings(figures=tuple(figures), notes=tuple(notes))


def _paint(name: str, variation: Variation, folder: Path, *, count: int, size: int) -> None:
    folder.mkdir()
    subprocess.run(  # noqa: S603  # Our own program.
        [sys.executable, "-m", "benchmarks.varied", name, str(folder), str(count), str(size)],
        cwd=ROOT,
        env={**os.environ, **variation.environment},
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )


def _figure(name: str, plain: Path, other: Path) -> Figure:
    found = [_difference(path, other / path.name) for path in sorted(plain.iterdir())]
    share = sum(one.share for one in found) / len(found)
    largest = max(one.largest for one in found)
    unit = f"% of pixels, by up to {largest}" if largest else "%: equal"
    return Figure(what=name, value=100 * share, unit=unit)


def _difference(one: Path, other: Path) -> PixelDifference:
    with Image.open(one) as first, Image.open(other) as second:
        return difference(first, second)


if __name__ == "__main__":
    run("reproducibility", __doc__, measure)
