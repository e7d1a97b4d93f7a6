"""Which of the twelve names fits a pixel."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .palette import PALETTE

Pixels = NDArray[np.uint8]
"""Shape (height, width, 3)."""

NAMES: Sequence[str] = tuple(PALETTE)
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_OPPONENTS = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
"""The matrices of Oklab, in which distances are about as large as they look."""


def names_of(pixels: Pixels) -> NDArray[np.int64]:
    """Give each pixel the index of the nearest colour in `NAMES`; shape (height, width)."""
    known = _oklab(np.array([PALETTE[name] for name in NAMES], dtype=np.float64))
    distances = np.linalg.norm(_oklab(pixels.astype(np.float64))[..., None, :] - known, axis=-1)
    nearest: NDArray[np.int64] = distances.argmin(axis=-1)
    return nearest


def dominant(names: NDArray[np.int64]) -> str:
    """Name the most frequent colour."""
    [(index, _)] = Counter(names.ravel().tolist()).most_common(1)
    return NAMES[index]


def _oklab(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = (colours / 255.0) ** 2.2
    opponents: NDArray[np.float64] = np.cbrt(linear @ TO_CONES.T) @ TO_OPPONENTS.T
    return opponents
