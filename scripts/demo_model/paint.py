"""All pictures: one seed, one picture, and what it shows."""

from collections.abc import Callable, Sequence

import numpy as np

from .canvas import Canvas
from .description import Description
from .paint_fruit import paint_fruit
from .paint_pets import paint_pet
from .paint_places import paint_flower, paint_house, paint_tree
from .paint_shapes import paint_shape
from .paint_views import paint_view

Painter = Callable[[Canvas, np.random.Generator], Description]

PAINTERS: Sequence[tuple[Painter, float]] = (
    (paint_shape, 0.36),
    (paint_fruit, 0.2),
    (paint_pet, 0.13),
    (paint_view, 0.15),
    (paint_house, 0.07),
    (paint_tree, 0.05),
    (paint_flower, 0.04),
)
"""Who paints, and which share of the pictures."""


def paint(seed: int, width: int, height: int) -> tuple[Canvas, Description]:
    """Paint the picture of a seed."""
    random = np.random.default_rng(seed)
    shares = [share for _, share in PAINTERS]
    painter, _ = PAINTERS[int(random.choice(len(PAINTERS), p=shares))]
    canvas = Canvas(width, height)
    return canvas, painter(canvas, random)
