"""The twelve colours that the model knows by name."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

PALETTE: Mapping[str, Colour] = {
    "red": (214, 40, 42),
    "orange": (247, 138, 32),
    "yellow": (249, 217, 58),
    "green": (58, 158, 68),
    "cyan": (70, 206, 214),
    "blue": (42, 92, 208),
    "purple": (126, 58, 170),
    "pink": (246, 150, 190),
    "brown": (124, 76, 42),
    "black": (26, 26, 30),
    "gray": (134, 136, 140),
    "white": (244, 244, 242),
}

WARM_LIGHT: Colour = (255, 250, 225)

Item = TypeVar("Item")


def pick(random: np.random.Generator, items: Sequence[Item]) -> Item:
    """Choose one item, each equally likely."""
    return items[int(random.integers(len(items)))]


def chance(random: np.random.Generator, probability: float) -> bool:
    """Say yes with this probability."""
    return bool(random.random() < probability)


def jitter(random: np.random.Generator, colour: Colour, spread: float = 3.0) -> Colour:
    """Vary a colour a little, so that its name means a region and not a point."""
    shift = random.normal(0.0, spread * 0.6) + random.normal(0.0, spread * 0.6, size=3)
    return clamp(np.asarray(colour) + np.clip(shift, -2 * spread, 2 * spread))


def named(random: np.random.Generator, name: str) -> Colour:
    """Give one of the many colours that a name means."""
    return jitter(random, PALETTE[name])


def mix(first: Colour, second: Colour, amount: float) -> Colour:
    """Go from the first colour (0) to the second (1)."""
    return clamp(np.asarray(first) * (1.0 - amount) + np.asarray(second) * amount)


def lighter(colour: Colour, amount: float) -> Colour:
    """Move a colour towards warm light."""
    return mix(colour, WARM_LIGHT, amount)


def darker(colour: Colour, amount: float) -> Colour:
    """Move a colour towards a bluish shadow."""
    return mix(colour, (18, 14, 30), amount)


def clamp(values: NDArray[np.float64]) -> Colour:
    """Round to whole numbers from 0 to 255."""
    red, green, blue = np.clip(np.rint(values), 0, 255).astype(int).tolist()
    return (red, green, blue)
