"""Print what the project needs, with the extras that are named: what its images install.

    python scripts/requirements.py pyproject.toml worker tracing

From the file alone, so that a layer of dependencies outlives every change of the code.
"""

import sys
import tomllib
from pathlib import Path


def requirements(pyproject: str, *extras: str) -> list[str]:
    """Give the dependencies that a `pyproject.toml` declares, and those of its `extras`."""
    project = tomllib.loads(pyproject)["project"]
    optional = project["optional-dependencies"]
    return sorted({*project["dependencies"], *(item for name in extras for item in optional[name])})


if __name__ == "__main__":
    file, *names = sys.argv[1:]
    print("\n".join(requirements(Path(file).read_text(), *names)))
