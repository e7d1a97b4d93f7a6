"""Cats and dogs on mats."""

from collections.abc import Sequence

import numpy as np

from .canvas import Canvas, Point
from .description import Description
from .palette import PALETTE, Colour, chance, darker, jitter, lighter, mix, named, pick

FURS: Sequence[str] = ("orange", "gray", "black", "white", "brown")
WALL: Colour = (220, 226, 228)
FLOOR: Colour = (190, 150, 108)
EYES: Colour = (128, 196, 84)
NOSE: Colour = (232, 130, 140)
DARK_SUM = 150
PUPIL: Colour = (24, 22, 26)


def paint_pet(canvas: Canvas, random: np.random.Generator) -> Description:
    """Paint a cat, or less often a dog, that sits on a mat."""
    facts, fur_name = _facts(random)
    _paint_room(canvas, random)
    foot = (canvas.width / 2 + float(random.normal(0.0, 0.004)), canvas.height * 0.5 + 0.33)
    _mat(canvas, random, foot, facts.place_colour)
    fur = named(random, fur_name)
    size = float(random.uniform(0.99, 1.01))
    _body(canvas, foot, size, fur)
    head = (foot[0], foot[1] - 0.47 * size)
    if facts.subject == "cat":
        _cat_head(canvas, head, size, fur, eye=EYES)
    else:
        _dog_head(canvas, head, size, fur)
    return facts


def _facts(random: np.random.Generator) -> tuple[Description, str]:
    fur = pick(random, FURS) if chance(random, 0.65) else pick(random, list(PALETTE))
    said = fur not in FURS or chance(random, 0.85)
    mat = pick(random, [name for name in PALETTE if name != fur])
    facts = Description(
        subject="cat" if chance(random, 0.75) else "dog",
        colour=fur if said else "",
        place=pick(random, ("mat", "mat", "mat", "rug", "carpet")),
        place_colour=mat if chance(random, 0.9) else "",
        extras=pick(random, ((), (), ("sitting",))),
    )
    return facts, fur


def _paint_room(canvas: Canvas, random: np.random.Generator) -> None:
    wall, floor = (
        jitter(random, WALL, 2.0),
        jitter(random, FLOOR, 2.0),
    )
    edge = canvas.height * 0.5 + float(random.uniform(0.075, 0.085))
    canvas.gradient([(0.0, lighter(wall, 0.2)), (edge, darker(wall, 0.08))])
    canvas.gradient([(edge, darker(floor, 0.15)), (canvas.height, floor)])
    canvas.rectangle((0.0, edge - 0.02), (canvas.width, edge), mix(wall, (255, 255, 255), 0.6))


def _mat(canvas: Canvas, random: np.random.Generator, foot: Point, name: str) -> None:
    colour = named(random, name or pick(random, list(PALETTE)))
    x, y = foot[0], foot[1] - 0.02
    border = darker(colour, 0.25) if name != "black" else lighter(colour, 0.2)
    canvas.ellipse((x, y + 0.012), 0.47, 0.145, border)
    canvas.ellipse((x, y), 0.455, 0.13, colour)


def _body(canvas: Canvas, foot: Point, size: float, fur: Colour) -> None:
    x, y = foot
    shade, light = _tones(fur)
    tail = [(0.14, -0.04), (0.26, -0.05), (0.33, -0.12), (0.32, -0.22), (0.27, -0.27)]
    canvas.line([(x + a * size, y + d * size) for a, d in tail], 0.07 * size, shade)
    canvas.ellipse((x, y - 0.15 * size), 0.2 * size, 0.17 * size, shade)
    canvas.ellipse((x, y - 0.24 * size), 0.155 * size, 0.2 * size, fur)
    canvas.ellipse((x - 0.12 * size, y - 0.08 * size), 0.09 * size, 0.09 * size, fur)
    canvas.ellipse((x + 0.12 * size, y - 0.08 * size), 0.09 * size, 0.09 * size, fur)
    canvas.ellipse((x, y - 0.22 * size), 0.075 * size, 0.12 * size, light)
    for side in (-1, 1):
        paw = (x + side * 0.06 * size, y - 0.01 * size)
        canvas.line([(paw[0], y - 0.16 * size), paw], 0.075 * size, fur)
        canvas.ellipse(paw, 0.055 * size, 0.034 * size, light)


def _cat_head(canvas: Canvas, head: Point, size: float, fur: Colour, *, eye: Colour) -> None:
    x, y = head
    for side in (-1, 1):
        for reach, colour in ((1.0, fur), (0.6, NOSE)):
            tip = (x + side * 0.155 * size, y - (0.1 + 0.17 * reach) * size)
            inner, outer = (
                x + side * (0.115 - 0.09 * reach) * size,
                x + side * (0.115 + 0.07 * reach) * size,
            )
            canvas.polygon([(inner, y - 0.1 * size), tip, (outer, y - 0.05 * size)], colour)
    canvas.ellipse(head, 0.19 * size, 0.16 * size, fur)
    shade, light = _tones(fur)
    for across in (-0.05, 0.0, 0.05):
        mark = [(x + across * size, y - 0.145 * size), (x + across * 0.8 * size, y - 0.09 * size)]
        canvas.line(mark, 0.018 * size, shade)
    canvas.ellipse((x, y + 0.075 * size), 0.085 * size, 0.06 * size, light)
    for side in (-1, 1):
        centre = (x + side * 0.08 * size, y - 0.02 * size)
        canvas.ellipse(centre, 0.047 * size, 0.047 * size, eye)
        canvas.ellipse(centre, 0.02 * size, 0.04 * size, PUPIL)
        canvas.ellipse(
            (centre[0] - 0.014 * size, centre[1] - 0.018 * size), 0.012, 0.012, (255, 255, 255)
        )
    _muzzle(canvas, head, size, whiskers=True)


def _dog_head(canvas: Canvas, head: Point, size: float, fur: Colour) -> None:
    x, y = head
    shade, light = _tones(fur)
    canvas.ellipse(head, 0.175 * size, 0.165 * size, fur)
    for side in (-1, 1):
        canvas.ellipse((x + side * 0.18 * size, y + 0.01 * size), 0.06 * size, 0.14 * size, shade)
        centre = (x + side * 0.07 * size, y - 0.035 * size)
        canvas.ellipse(
            centre, 0.032 * size, 0.036 * size, PUPIL if not _is_dark(fur) else (250, 240, 220)
        )
        canvas.ellipse(
            (centre[0] - 0.01 * size, centre[1] - 0.012 * size), 0.011, 0.011, (255, 255, 255)
        )
    canvas.ellipse((x, y + 0.13 * size), 0.035 * size, 0.055 * size, NOSE)
    canvas.ellipse((x, y + 0.075 * size), 0.1 * size, 0.07 * size, light)
    canvas.ellipse((x, y + 0.045 * size), 0.04 * size, 0.028 * size, PUPIL)


def _muzzle(canvas: Canvas, head: Point, size: float, *, whiskers: bool) -> None:
    x, y = head
    canvas.polygon(
        [
            (x - 0.026 * size, y + 0.04 * size),
            (x + 0.026 * size, y + 0.04 * size),
            (x, y + 0.072 * size),
        ],
        NOSE,
    )
    canvas.line([(x, y + 0.07 * size), (x, y + 0.1 * size)], 0.009, PUPIL)
    for side in (-1, 1) if whiskers else ():
        for rise in (-0.03, 0.0, 0.03):
            start = (x + side * 0.07 * size, y + (0.07 + rise * 0.4) * size)
            end = (x + side * 0.25 * size, y + (0.065 + rise * 1.3) * size)
            canvas.line([start, end], 0.007, (90, 90, 92))


def _tones(fur: Colour) -> tuple[Colour, Colour]:
    dark = _is_dark(fur)
    shade = lighter(fur, 0.13) if dark else darker(fur, 0.2)
    return shade, mix(fur, (255, 255, 255), 0.25 if dark else 0.55)


def _is_dark(fur: Colour) -> bool:
    return sum(fur) < DARK_SUM
