"""Houses, trees and flowers out of doors, at any time of the day."""

from collections.abc import Mapping, Sequence

import numpy as np

from .canvas import Canvas, Point
from .description import Description, article
from .palette import PALETTE, Colour, chance, darker, jitter, lighter, mix, named, pick
from .skies import LIGHTS, paint_sky

TRUNK: Colour = (106, 70, 42)
TIMES: Sequence[str] = ("day", "day", "day", "sunset", "sunrise", "night")
WHEN: Mapping[str, tuple[str, ...]] = {
    "day": (),
    "sunset": ("at sunset",),
    "sunrise": ("at sunrise",),
    "night": ("at night",),
}
LEAVES: Sequence[str] = ("green", "green", "green", "orange", "yellow", "red", "pink")


def paint_house(canvas: Canvas, random: np.random.Generator) -> Description:
    """Paint a house with a roof, a door and windows on a meadow."""
    time = pick(random, TIMES)
    ground = _paint_meadow(canvas, random, time)
    wall, roof = pick(random, list(PALETTE)), pick(random, ("red", "brown", "gray", *PALETTE))
    roof = roof if roof != wall else ("brown" if wall != "brown" else "red")
    tree = chance(random, 0.35)
    foot = (canvas.width / 2 + float(random.normal(0.0, 0.005)), ground + 0.14)
    if tree:
        side = 0.36
        _tree(canvas, (foot[0] + side, ground + 0.1), 0.7, _dim(named(random, "green"), time))
    _house(
        canvas,
        foot,
        _dim(named(random, wall), time),
        _dim(named(random, roof), time),
        lit=time == "night",
    )
    roofs = (f"with {article(roof)} {roof} roof",) if chance(random, 0.7) else ()
    trees = ("and a tree",) if tree else ()
    where = ("", "") if chance(random, 0.7) else ("hill", "")
    return Description("house", colour=wall, place=where[0], extras=(*roofs, *trees, *WHEN[time]))


def paint_tree(canvas: Canvas, random: np.random.Generator) -> Description:
    """Paint a tree or a pine on a meadow."""
    time = pick(random, TIMES)
    ground = _paint_meadow(canvas, random, time)
    name = pick(random, LEAVES)
    pine = chance(random, 0.3)
    foot = (canvas.width / 2 + float(random.normal(0.0, 0.005)), ground + 0.12)
    leaves = _dim(named(random, "green" if pine else name), time)
    (_pine if pine else _tree)(canvas, foot, float(random.uniform(1.2, 1.24)), leaves)
    said = not pine and (name != "green" or chance(random, 0.4))
    return Description(
        pick(random, ("pine", "pine tree")) if pine else "tree",
        colour=name if said else "",
        place=pick(random, ("hill", "meadow", "", "")),
        extras=WHEN[time],
    )


def paint_flower(canvas: Canvas, random: np.random.Generator) -> Description:
    """Paint one big flower on a meadow by day."""
    ground = _paint_meadow(canvas, random, "day")
    name = pick(random, [name for name in PALETTE if name not in {"black", "brown", "gray"}])
    x, y = canvas.width / 2 + float(random.normal(0.0, 0.005)), canvas.height * 0.5 - 0.1
    stem = darker(named(random, "green"), 0.15)
    canvas.line([(x, y), (x + 0.01, ground + 0.26)], 0.03, stem)
    for side in (-1, 1):
        leaf = [
            (x, ground + 0.16),
            (x + side * 0.14, ground + 0.02),
            (x + side * 0.17, ground + 0.1),
        ]
        canvas.polygon(leaf, stem)
    petals = named(random, name)
    for turn in np.linspace(0.0, 2 * np.pi, 9)[:-1]:
        petal = (x + 0.125 * float(np.cos(turn)), y + 0.125 * float(np.sin(turn)))
        canvas.ellipse(petal, 0.075, 0.075, darker(petals, 0.12))
        canvas.ellipse(petal, 0.062, 0.062, petals)
    middle = named(random, "yellow" if name not in {"yellow", "orange"} else "brown")
    canvas.ellipse((x, y), 0.082, 0.082, middle)
    return Description("flower", colour=name, place=pick(random, ("grass", "meadow", "")))


def _paint_meadow(canvas: Canvas, random: np.random.Generator, time: str) -> float:
    ground = canvas.height * 0.5 + float(random.uniform(0.175, 0.185))
    paint_sky(canvas, random, time, ground)
    grass = jitter(random, LIGHTS[time].grass, 3.0)
    canvas.ellipse((canvas.width / 2, ground + 0.5), canvas.width * 0.9, 0.52, darker(grass, 0.1))
    top = ground + 0.06
    canvas.gradient([(top, grass), (canvas.height, darker(grass, 0.12))])
    return ground


def _dim(colour: Colour, time: str) -> Colour:
    if time == "night":
        return mix(colour, (26, 32, 74), 0.42)
    return mix(colour, (120, 50, 70), 0.18) if time == "sunset" else colour


def _house(canvas: Canvas, foot: Point, wall: Colour, roof: Colour, *, lit: bool) -> None:
    x, y = foot
    canvas.rectangle((x - 0.22, y - 0.3), (x + 0.22, y), wall)
    canvas.rectangle((x - 0.22, y - 0.025), (x + 0.22, y), darker(wall, 0.2))
    canvas.rectangle((x + 0.1, y - 0.52), (x + 0.16, y - 0.36), darker(roof, 0.3))
    canvas.polygon([(x - 0.28, y - 0.29), (x, y - 0.54), (x + 0.28, y - 0.29)], roof)
    canvas.polygon(
        [(x - 0.28, y - 0.29), (x + 0.28, y - 0.29), (x + 0.25, y - 0.31), (x - 0.25, y - 0.31)],
        darker(roof, 0.25),
    )
    canvas.rectangle((x - 0.05, y - 0.16), (x + 0.05, y), darker(roof, 0.45))
    glass: Colour = (255, 222, 110) if lit else (190, 226, 244)
    for side in (-0.14, 0.14):
        canvas.rectangle(
            (x + side - 0.052, y - 0.232), (x + side + 0.052, y - 0.128), lighter(wall, 0.7)
        )
        canvas.rectangle((x + side - 0.04, y - 0.22), (x + side + 0.04, y - 0.14), glass)


def _tree(canvas: Canvas, foot: Point, size: float, leaves: Colour) -> None:
    x, y = foot
    trunk = mix(TRUNK, leaves, 0.1)
    base, top = 0.035 * size, 0.022 * size
    canvas.polygon(
        [(x - base, y), (x - top, y - 0.26 * size), (x + top, y - 0.26 * size), (x + base, y)],
        trunk,
    )
    crowns = ((-0.11, 0.27, 0.12), (0.11, 0.27, 0.12), (0.0, 0.38, 0.14), (0.0, 0.25, 0.11))
    for tone, shift in ((darker(leaves, 0.2), 0.0), (leaves, 0.012)):
        for across, up, radius in crowns:
            reach = (radius - shift) * size
            canvas.ellipse(
                (x + (across - shift * 0.5) * size, y - (up + shift) * size), reach, reach, tone
            )
    canvas.glow((x - 0.07 * size, y - 0.42 * size), 0.1 * size, lighter(leaves, 0.6), 0.6)


def _pine(canvas: Canvas, foot: Point, size: float, leaves: Colour) -> None:
    x, y = foot
    canvas.rectangle((x - 0.025 * size, y - 0.1 * size), (x + 0.025 * size, y), TRUNK)
    dark = darker(leaves, 0.25)
    for step, (up, reach) in enumerate(((0.08, 0.19), (0.2, 0.155), (0.32, 0.12))):
        tone = mix(dark, leaves, 0.4 * step)
        low = y - up * size
        canvas.polygon(
            [(x - reach * size, low), (x, low - 0.22 * size), (x + reach * size, low)], tone
        )
