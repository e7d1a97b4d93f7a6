"""Fruit on tables in front of plain walls."""

import numpy as np

from .canvas import Canvas
from .description import Description
from .fruit import FRUIT
from .palette import PALETTE, Colour, chance, darker, jitter, lighter, mix, named, pick

WALL: Colour = (224, 218, 204)
WOOD: Colour = (170, 112, 62)
REPAINTED = ("apple", "pear", "cherries", "grapes")
"""Fruit that also comes in colours that no shop sells."""


def paint_fruit(canvas: Canvas, random: np.random.Generator) -> Description:
    """Paint one fruit, or two or three of a kind, on a table."""
    facts, colour_name = _facts(random)
    fruit, _, size = FRUIT[facts.subject]
    edge = _paint_room(canvas, random, facts.place_colour)
    size *= float(random.uniform(1.0, 1.06))
    foot = (
        canvas.width / 2 + float(random.normal(0.0, 0.006)),
        edge + (canvas.height - edge) * float(random.uniform(0.5, 0.53)),
    )
    shadow = darker(table_colour(random, facts.place_colour), 0.3)
    canvas.ellipse((foot[0] + size * 0.2, foot[1] - size * 0.08), size * 1.15, size * 0.24, shadow)
    fruit(canvas, foot, size, named(random, colour_name))
    return facts


def _facts(random: np.random.Generator) -> tuple[Description, str]:
    subject = pick(random, list(FRUIT))
    natural = FRUIT[subject][1]
    freely = subject in REPAINTED and chance(random, 0.25)
    colour = pick(random, list(PALETTE)) if freely else pick(random, natural)
    said = freely or (len(natural) > 1 and chance(random, 0.95)) or chance(random, 0.25)
    table = pick(random, [*(name for name in PALETTE if name != colour), "wooden"])
    return (
        Description(
            subject=subject,
            colour=colour if said and subject != "orange" else "",
            place="table",
            place_colour=table,
        ),
        colour,
    )


def table_colour(random: np.random.Generator, name: str) -> Colour:
    """Give the colour of a table top; "wooden" is one too."""
    return jitter(random, WOOD) if name == "wooden" else named(random, name)


def _paint_room(canvas: Canvas, random: np.random.Generator, table: str) -> float:
    wall = jitter(random, WALL, 2.0)
    edge = canvas.height * float(random.uniform(0.525, 0.535))
    canvas.gradient([(0.0, lighter(wall, 0.15)), (edge + 0.06, darker(wall, 0.08))])
    _table(canvas, table_colour(random, table), edge)
    return edge


def _table(canvas: Canvas, top: Colour, edge: float) -> None:
    width, front = canvas.width, edge + (canvas.height - edge) * 0.78
    canvas.rectangle((0.0, edge + 0.05), (width, canvas.height), (120, 104, 94))
    for left in (0.04, width - 0.12):
        canvas.rectangle((left, front), (left + 0.08, canvas.height), darker(top, 0.45))
    canvas.polygon([(0.06, edge), (width - 0.06, edge), (width, front), (0.0, front)], top)
    canvas.rectangle((0.06, edge), (width - 0.06, edge + 0.008), mix(top, (255, 255, 255), 0.3))
    canvas.rectangle((0.0, front), (width, front + 0.055), darker(top, 0.28))
