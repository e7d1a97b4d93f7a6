"""What a process has logged, as a machine reads it."""

import json
from pathlib import Path
from typing import Any

LogLine = dict[str, Any]


def log_lines(log: Path) -> list[LogLine]:
    """Give the lines of a log in JSON; plain ones, such as of a process that dies, are left out."""
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


def plain_lines(log: Path) -> list[str]:
    """Give the lines that a machine cannot read."""
    return [line for line in log.read_text().splitlines() if line and not line.startswith("{")]
