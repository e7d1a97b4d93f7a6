"""Skies over mountains, over the sea and over hills, at four times of the day."""

from collections.abc import Mapping, Sequence

import numpy as np

from .canvas import Canvas
from .description import Description
from .lands import paint_boat, paint_hills, paint_mountains, paint_sea
from .palette import chance, pick
from .skies import LIGHTS, paint_sky

SUBJECTS: Mapping[str, Sequence[str]] = {
    "sunset": ("sunset", "sunset", "sunset sky", "evening sky"),
    "sunrise": ("sunrise", "sunrise", "sunrise sky", "morning sky"),
    "night": ("night", "night sky", "starry night", "starry sky", "moon", "full moon"),
    "day": ("sunny day", "blue sky", "sun", "clear day", "day"),
}


def paint_view(canvas: Canvas, random: np.random.Generator) -> Description:
    """Paint a wide view at some time of the day."""
    time = pick(random, ("sunset", "sunset", "sunrise", "night", "day"))
    place = pick(random, ("mountains", "mountains", "sea", "hills"))
    horizon = canvas.height * float(random.uniform(0.595, 0.605))
    sun = paint_sky(canvas, random, time, horizon - (0.19 if place == "mountains" else 0.0))
    if place == "sea":
        paint_sea(canvas, random, time, (sun, horizon))
        boat = chance(random, 0.3)
        if boat:
            paint_boat(canvas, random, time, horizon)
    else:
        boat = False
        ridge = paint_mountains if place == "mountains" else paint_hills
        ridge(canvas, random, LIGHTS[time], horizon)
    return _facts(random, time, place, boat=boat)


def _facts(random: np.random.Generator, time: str, place: str, *, boat: bool) -> Description:
    where = {
        "mountains": ("mountains", "the mountains"),
        "sea": ("the sea", "the sea", "the ocean", "sea"),
        "hills": ("hills", "the hills", "green hills" if time == "day" else "hills"),
    }[place]
    if boat and chance(random, 0.6):
        return Description("boat", place="the sea", extras=(_when(time, random),))
    if chance(random, 0.25):
        return Description(f"{pick(random, where)}", extras=(_when(time, random),))
    extras = ("with a boat",) if boat else ()
    subject = pick(random, SUBJECTS[time])
    return Description(subject, place=pick(random, where), preposition="over", extras=extras)


def _when(time: str, random: np.random.Generator) -> str:
    times = {
        "sunset": ("at sunset", "in the evening", "at dusk"),
        "sunrise": ("at sunrise", "in the morning", "at dawn"),
        "night": ("at night", "at night", "under the stars"),
        "day": ("by day", "on a sunny day", "under a blue sky"),
    }
    return pick(random, times[time])
