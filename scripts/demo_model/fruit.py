"""How each fruit is painted: large clear areas with some light and a leaf."""

from collections.abc import Callable, Mapping, Sequence

from .canvas import Canvas, Point, arc
from .palette import Colour, darker

STEM: Colour = (92, 58, 34)
LEAF: Colour = (64, 150, 62)
GLEAM: Colour = (255, 255, 250)

Fruit = Callable[[Canvas, Point, float, Colour], None]
"""Paints one fruit that stands on a point, about this tall from its middle."""


def _ball(canvas: Canvas, centre: Point, reach: Point, colour: Colour) -> None:
    (x, y), (across, down) = centre, reach
    canvas.ellipse(centre, across, down, darker(colour, 0.22))
    canvas.ellipse((x - across * 0.05, y - down * 0.05), across * 0.93, down * 0.93, colour)
    canvas.glow((x - across * 0.34, y - down * 0.36), across * 0.55, GLEAM, 0.75)


def _leaf(canvas: Canvas, start: Point, length: float, tilt: float) -> None:
    x, y = start
    tip = (x + length, y - length * tilt)
    side = (x + length * 0.35, y - length * (tilt * 0.35 + 0.42))
    below = (x + length * 0.6, y - length * (tilt * 0.35 - 0.2))
    canvas.polygon([start, side, (tip[0] * 0.7 + side[0] * 0.3, tip[1]), tip, below], LEAF)


def _apple(canvas: Canvas, foot: Point, size: float, colour: Colour) -> None:
    x, y = foot[0], foot[1] - size * 0.95
    canvas.ellipse((x - size * 0.3, y + size * 0.03), size * 0.75, size * 0.92, darker(colour, 0.2))
    canvas.ellipse((x + size * 0.3, y + size * 0.03), size * 0.75, size * 0.92, darker(colour, 0.2))
    canvas.ellipse((x - size * 0.3, y), size * 0.7, size * 0.86, colour)
    canvas.ellipse((x + size * 0.26, y), size * 0.7, size * 0.86, colour)
    canvas.ellipse((x, y - size * 0.8), size * 0.24, size * 0.1, darker(colour, 0.35))
    canvas.glow((x - size * 0.42, y - size * 0.32), size * 0.5, GLEAM, 0.75)
    canvas.line([(x, y - size * 0.76), (x + size * 0.1, y - size * 1.22)], size * 0.11, STEM)
    _leaf(canvas, (x + size * 0.08, y - size * 0.98), size * 0.62, 0.35)


def _round(canvas: Canvas, foot: Point, size: float, colour: Colour) -> None:
    x, y = foot[0], foot[1] - size * 0.92
    _ball(canvas, (x, y), (size * 0.95, size * 0.92), colour)
    canvas.ellipse((x + size * 0.02, y - size * 0.72), size * 0.1, size * 0.06, STEM)
    _leaf(canvas, (x + size * 0.04, y - size * 0.74), size * 0.5, 0.5)


def _lemon(canvas: Canvas, foot: Point, size: float, colour: Colour) -> None:
    x, y = foot[0], foot[1] - size * 0.72
    for side in (-1, 1):
        canvas.ellipse((x + side * size * 1.02, y), size * 0.24, size * 0.19, darker(colour, 0.12))
    _ball(canvas, (x, y), (size * 1.04, size * 0.74), colour)


def _pear(canvas: Canvas, foot: Point, size: float, colour: Colour) -> None:
    x, y = foot[0], foot[1] - size * 0.78
    shade = darker(colour, 0.2)
    canvas.ellipse((x, y), size * 0.86, size * 0.8, shade)
    neck = [(x - size * 0.76, y - size * 0.32), (x - size * 0.34, y - size * 1.2)]
    canvas.polygon(
        [*neck, (x + size * 0.34, y - size * 1.2), (x + size * 0.78, y - size * 0.32)], shade
    )
    canvas.ellipse((x, y - size * 1.2), size * 0.36, size * 0.36, shade)
    canvas.ellipse((x - size * 0.04, y - size * 0.04), size * 0.78, size * 0.74, colour)
    inner = [(x - size * 0.7, y - size * 0.34), (x - size * 0.32, y - size * 1.2)]
    canvas.polygon(
        [*inner, (x + size * 0.26, y - size * 1.2), (x + size * 0.62, y - size * 0.34)], colour
    )
    canvas.ellipse((x - size * 0.03, y - size * 1.2), size * 0.29, size * 0.3, colour)
    canvas.glow((x - size * 0.32, y - size * 0.2), size * 0.5, GLEAM, 0.7)
    canvas.line([(x, y - size * 1.46), (x + size * 0.12, y - size * 1.82)], size * 0.11, STEM)
    _leaf(canvas, (x + size * 0.08, y - size * 1.55), size * 0.6, 0.3)


def _banana(canvas: Canvas, foot: Point, size: float, colour: Colour) -> None:
    x, y = foot
    top = (x, y - size * 1.25)
    outer = arc(top, size * 1.45, size * 1.25, (12.0, 168.0))
    inner = arc((x, top[1] - size * 0.1), size * 1.3, size * 0.66, (168.0, 12.0))
    canvas.polygon([*outer, *inner], colour)
    rim = arc(top, size * 1.38, size * 1.17, (168.0, 12.0))
    canvas.polygon([*outer, *rim], darker(colour, 0.2))
    canvas.line([outer[0], (outer[0][0] + size * 0.1, outer[0][1] - size * 0.3)], size * 0.2, STEM)
    canvas.ellipse(outer[-1], size * 0.11, size * 0.11, STEM)


def _cherries(canvas: Canvas, foot: Point, size: float, colour: Colour) -> None:
    x, y = foot
    top = (x + size * 0.2, y - size * 1.9)
    for side in (-0.66, 0.66):
        canvas.line([(x + side * size, y - size), top], size * 0.09, (70, 120, 50))
        _ball(canvas, (x + side * size, y - size * 0.58), (size * 0.58, size * 0.56), colour)
    _leaf(canvas, top, size * 0.9, 0.05)


def _strawberry(canvas: Canvas, foot: Point, size: float, colour: Colour) -> None:
    x, y = foot[0], foot[1] - size * 0.95
    canvas.ellipse((x, y - size * 0.25), size * 0.86, size * 0.66, colour)
    canvas.polygon(
        [
            (x - size * 0.83, y - size * 0.08),
            (x, y + size * 0.98),
            (x + size * 0.83, y - size * 0.08),
        ],
        colour,
    )
    for across, down in (
        (-0.45, -0.3),
        (0.05, -0.2),
        (0.5, -0.3),
        (-0.22, 0.15),
        (0.27, 0.15),
        (0.0, 0.5),
    ):
        canvas.ellipse(
            (x + across * size, y + down * size), size * 0.07, size * 0.1, (252, 226, 120)
        )
    for tilt, drop in ((-0.7, 0.5), (-0.35, 0.35), (0.0, 0.35), (0.35, 0.35), (0.7, 0.5)):
        tip = (x + tilt * size, y - size * drop)
        canvas.polygon(
            [(x - size * 0.18, y - size * 0.9), tip, (x + size * 0.18, y - size * 0.9)], LEAF
        )
    canvas.line([(x, y - size * 0.85), (x + size * 0.06, y - size * 1.15)], size * 0.12, LEAF)


def _grapes(canvas: Canvas, foot: Point, size: float, colour: Colour) -> None:
    x, y = foot
    for row, count in enumerate((1, 2, 3, 4)):
        for index in range(count):
            across = (index - (count - 1) / 2) * size * 0.56
            _ball(
                canvas,
                (x + across, y - size * (0.32 + row * 0.46)),
                (size * 0.33, size * 0.33),
                colour,
            )
    canvas.line([(x, y - size * 1.95), (x + size * 0.1, y - size * 2.3)], size * 0.11, STEM)
    _leaf(canvas, (x + size * 0.05, y - size * 2.05), size * 0.8, 0.1)


FRUIT: Mapping[str, tuple[Fruit, Sequence[str], float]] = {
    "apple": (_apple, ("red", "red", "green", "yellow"), 0.21),
    "orange": (_round, ("orange",), 0.2),
    "lemon": (_lemon, ("yellow",), 0.19),
    "lime": (_lemon, ("green",), 0.18),
    "banana": (_banana, ("yellow",), 0.22),
    "pear": (_pear, ("green", "yellow"), 0.18),
    "plum": (_round, ("purple",), 0.18),
    "cherries": (_cherries, ("red",), 0.19),
    "strawberry": (_strawberry, ("red",), 0.21),
    "grapes": (_grapes, ("purple", "green"), 0.19),
}
"""Each fruit, the colours it comes in, and its size."""
