"""How numbers that were measured again and again are spread."""

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict


class Spread(BaseModel):
    """The middle of a measurement, and how far it strays from there."""

    model_config = ConfigDict(frozen=True)

    count: int
    p10: float
    median: float
    p90: float
    p99: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Describe what was measured.

        Raises:
            ValueError: Nothing was.
        """
        if not values:
            message = "nothing was measured"
            raise ValueError(message)
        p10, middle, p90, p99 = (quantile(values, share) for share in (0.1, 0.5, 0.9, 0.99))
        return cls(count=len(values), p10=p10, median=middle, p90=p90, p99=p99)


def quantile(values: Sequence[float], share: float) -> float:
    """Give what this share of the values does not exceed, between two of them by interpolation."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Give the ratio of each pair that was measured side by side."""
    return [one / other for one, other in zip(ours, theirs, strict=True)]


def differences(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Give the difference of each pair that was measured side by side."""
    return [one - other for one, other in zip(ours, theirs, strict=True)]
