"""What a benchmark found out, as it is kept in JSON."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from benchmarks.spread import Spread


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Target(_Value):
    """What a figure is meant to be."""

    limit: float
    side: Literal["below", "above"]

    def is_met_by(self, value: float) -> bool:
        """Say whether the value is on the right side of the limit."""
        return value <= self.limit if self.side == "below" else value >= self.limit


def below(limit: float) -> Target:
    """Give the target of at most `limit`."""
    return Target(limit=limit, side="below")


def above(limit: float) -> Target:
    """Give the target of at least `limit`."""
    return Target(limit=limit, side="above")


class Figure(_Value):
    """A number of interest."""

    what: str
    value: float
    unit: str = ""
    """Empty for a ratio."""

    target: Target | None = None
    spread: Spread | None = None
    """Of what the value was taken from; None for what was measured once."""

    @classmethod
    def middle(
        cls, what: str, values: Sequence[float], unit: str = "", target: Target | None = None
    ) -> Self:
        """Take the median of what was measured."""
        spread = Spread.of(values)
        return cls(what=what, value=spread.median, unit=unit, target=target, spread=spread)

    @classmethod
    def tail(
        cls, what: str, values: Sequence[float], unit: str = "", target: Target | None = None
    ) -> Self:
        """Take the 99th percentile of what was measured."""
        spread = Spread.of(values)
        return cls(what=what, value=spread.p99, unit=unit, target=target, spread=spread)


class Line(_Value):
    """One line of a plot."""

    label: str
    points: tuple[tuple[float, float], ...]


class Plot(_Value):
    """A picture of how something grows."""

    name: str
    """Of its file, without the ending."""

    title: str
    x: str
    y: str
    lines: tuple[Line, ...]
    logarithmic: Literal["", "x", "xy"] = ""
    """Which of its axes are."""


class Findings(_Value):
    """All that a benchmark has to tell."""

    figures: tuple[Figure, ...]
    plots: tuple[Plot, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences on what could not be measured, and why."""


class Report(_Value):
    """Findings, and where they come from."""

    name: str
    quick: bool
    """Whether the run was too short for its figures to mean anything."""

    measured_at: str
    machine: dict[str, str]
    findings: Findings
