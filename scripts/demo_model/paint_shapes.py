"""Coloured shapes on coloured backgrounds: where the model learns which colour goes where."""

from collections.abc import Callable, Mapping

import numpy as np

from .canvas import Canvas, Point, arc, regular
from .description import Description
from .palette import PALETTE, Colour, named, pick

Shape = Callable[[Canvas, Point, float, Colour], None]
"""Paints one shape around a point, reaching about this far."""

RING_HOLE = 0.52


def _circle(canvas: Canvas, centre: Point, radius: float, colour: Colour) -> None:
    canvas.ellipse(centre, radius, radius, colour)


def _square(canvas: Canvas, centre: Point, radius: float, colour: Colour) -> None:
    x, y = centre
    half = radius * 0.86
    canvas.rectangle((x - half, y - half), (x + half, y + half), colour)


def _triangle(canvas: Canvas, centre: Point, radius: float, colour: Colour) -> None:
    x, y = centre
    base = y + radius * 0.8
    canvas.polygon([(x, y - radius), (x + radius * 1.05, base), (x - radius * 1.05, base)], colour)


def _star(canvas: Canvas, centre: Point, radius: float, colour: Colour) -> None:
    canvas.polygon(regular(centre, radius * 1.15, 5, inner=0.45), colour)


def _diamond(canvas: Canvas, centre: Point, radius: float, colour: Colour) -> None:
    x, y = centre
    across = radius * 0.78
    points = [(x, y - radius * 1.1), (x + across, y), (x, y + radius * 1.1), (x - across, y)]
    canvas.polygon(points, colour)


def _heart(canvas: Canvas, centre: Point, radius: float, colour: Colour) -> None:
    x, y = centre
    turns = np.linspace(0.0, 2.0 * np.pi, 65)
    across = 16 * np.sin(turns) ** 3
    up = 13 * np.cos(turns) - 5 * np.cos(2 * turns) - 2 * np.cos(3 * turns) - np.cos(4 * turns)
    unit = radius / 15.5
    canvas.polygon(
        [(x + a * unit, y - (u + 2.0) * unit) for a, u in zip(across, up, strict=True)], colour
    )


def _ring(canvas: Canvas, centre: Point, radius: float, colour: Colour) -> None:
    middle = radius * (1.0 + RING_HOLE) / 2
    band = radius * (1.0 - RING_HOLE)
    canvas.line(arc(centre, middle, middle, (0.0, 361.0)), band, colour)


SHAPES: Mapping[str, Shape] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "heart": _heart,
    "diamond": _diamond,
    "ring": _ring,
}
SHIFT = 0.015
SMALL, MEDIUM, BIG = (0.12, 0.13), (0.25, 0.27), (0.38, 0.4)


def paint_shape(canvas: Canvas, random: np.random.Generator) -> Description:
    """Paint one shape near the middle of a plain background."""
    facts = _facts(random)
    ground = named(random, facts.place_colour)
    canvas.gradient([(0.0, ground), (canvas.height, ground)])
    radius = float(random.uniform(*_reach(facts.size)))
    centre = _position(canvas, random)
    colour = named(random, facts.colour)
    SHAPES[facts.subject](canvas, centre, radius, colour)
    return facts


def _facts(random: np.random.Generator) -> Description:
    colours = list(PALETTE)
    colour = pick(random, colours)
    subject = pick(random, list(SHAPES))
    others = [name for name in colours if name != colour and not held_out(colour, subject, name)]
    return Description(
        subject=subject,
        colour=colour,
        size=pick(random, ("", "", "small", "big", "large", "tiny")),
        place="background",
        place_colour=pick(random, others),
    )


def held_out(colour: str, subject: str, ground: str) -> bool:
    """Tell the one in twelve combinations that training never shows."""
    colours, shapes = list(PALETTE), list(SHAPES)
    mark = colours.index(colour) + 5 * shapes.index(subject) + 7 * colours.index(ground)
    return mark % 12 == 0


def _reach(size: str) -> tuple[float, float]:
    if size in {"small", "tiny"}:
        return SMALL
    if size in {"big", "large"}:
        return BIG
    return MEDIUM


def _position(canvas: Canvas, random: np.random.Generator) -> Point:
    x = canvas.width / 2 + random.uniform(-SHIFT, SHIFT)
    y = canvas.height / 2 + random.uniform(-SHIFT, SHIFT)
    return float(x), float(y)
