"""Environments for programs whose requirements do not go with ours."""

import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from benchmarks.files import SCRATCH


def python_with(*packages: str) -> str:
    """Give a Python that has these beside all that ours has, in the same versions where it can.

    Raises:
        subprocess.CalledProcessError: They cannot be installed.
    """
    folder = SCRATCH / "environments" / "-".join(packages)
    python = folder / "bin" / "python"
    done = folder / "installed"
    if not done.exists():
        _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
        _see_our_packages(folder)
        _run([str(python), "-m", "pip", "install", "--quiet", *packages])
        done.touch()
    return str(python)


def _see_our_packages(folder: Path) -> None:
    ours = sysconfig.get_path("purelib")
    (theirs,) = folder.glob("lib/python*/site-packages")
    (theirs / "ours.pth").write_text(f"{ours}\n")


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)  # noqa: S603  # Our own interpreter.
