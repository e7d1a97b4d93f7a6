"""LoRAs as people write them on a command line."""

from collections.abc import Sequence
from math import isfinite

from pydantic import JsonValue

from scripts.cli.failures import WrongUsage
from scripts.cli.options import reporting


def read_loras(texts: Sequence[str] | None, *, as_json: bool) -> list[JsonValue] | None:
    """Read each NAME or NAME:WEIGHT; the service says what either may be.

    Raises:
        WrongUsage: A weight is no number.
    """
    with reporting(as_json=as_json):
        return [_read(text) for text in texts] if texts else None


def _read(text: str) -> dict[str, JsonValue]:
    name, separator, weight = text.rpartition(":")
    return {"name": name, "weight": _number(weight)} if separator else {"name": text}


def _number(weight: str) -> float:
    try:
        number = float(weight)
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        message = f"--lora: {weight!r} is not a weight"
        raise WrongUsage(message, hint="write NAME or NAME:WEIGHT, such as stripes:0.8")
    return number
