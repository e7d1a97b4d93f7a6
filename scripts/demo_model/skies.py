"""Skies at four times of the day, with the sun or the moon in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .canvas import Canvas, Point
from .palette import Colour, jitter, mix, pick

STARS, STAR_MAP = 16, 7


@dataclass(frozen=True)
class Light:
    """What a time of the day does to a view."""

    sky: Sequence[Sequence[Colour]]
    """Several skies, each from the top to the horizon."""
    haze: Colour
    """Towards which distant land fades."""
    land: Colour
    """How near land looks."""
    grass: Colour


LIGHTS: Mapping[str, Light] = {
    "sunset": Light(
        sky=(((84, 50, 130), (214, 84, 104), (252, 156, 70), (255, 210, 110)),),
        haze=(206, 96, 100),
        land=(52, 28, 62),
        grass=(70, 58, 60),
    ),
    "sunrise": Light(
        sky=(((112, 150, 220), (206, 170, 212), (255, 182, 160), (255, 226, 150)),),
        haze=(214, 184, 196),
        land=(82, 84, 116),
        grass=(110, 136, 92),
    ),
    "night": Light(
        sky=(((8, 12, 38), (16, 26, 66), (30, 44, 96)),),
        haze=(38, 48, 92),
        land=(10, 12, 30),
        grass=(18, 34, 44),
    ),
    "day": Light(
        sky=(((62, 140, 226), (128, 190, 242), (206, 232, 250)),),
        haze=(160, 190, 216),
        land=(62, 92, 110),
        grass=(92, 168, 76),
    ),
}
SUNLIGHT: Mapping[str, Colour] = {
    "sunset": (255, 240, 176),
    "sunrise": (255, 250, 220),
    "night": (246, 244, 220),
    "day": (255, 246, 170),
}


def paint_sky(canvas: Canvas, random: np.random.Generator, time: str, horizon: float) -> Point:
    """Paint the sky and what shines in it down to the horizon, and say where that is."""
    colours = [jitter(random, colour, 3.0) for colour in pick(random, LIGHTS[time].sky)]
    heights = np.linspace(0.0, horizon, len(colours))
    stops = [(float(height), colour) for height, colour in zip(heights, colours, strict=True)]
    canvas.gradient([*stops, (canvas.height, colours[-1])])
    low = time in {"sunset", "sunrise"}
    height = horizon - 0.13 if low else 0.2
    sun = (
        canvas.width * float(random.uniform(0.44, 0.56)),
        height + float(random.uniform(-0.01, 0.01)),
    )
    if time == "night":
        _stars(canvas, horizon)
    if time == "day":
        _clouds(canvas)
    light = SUNLIGHT[time]
    canvas.glow(sun, 0.42 if low else 0.24, mix(light, colours[-1], 0.3), 0.75)
    radius = 0.085 if low else 0.07
    canvas.ellipse(sun, radius, radius, light)
    return sun


def _stars(canvas: Canvas, horizon: float) -> None:
    """Paint the same stars every night: a small model cannot learn them otherwise."""
    places = np.random.default_rng(STAR_MAP)
    for _ in range(round(STARS * canvas.width)):
        at = (places.uniform(0, canvas.width), places.uniform(0, horizon * 0.8))
        size = places.uniform(0.007, 0.012)
        canvas.ellipse(at, size, size, (250, 250, 236))


def _clouds(canvas: Canvas) -> None:
    for x, y in ((canvas.width * 0.2, 0.13), (canvas.width * 0.8, 0.22)):
        for across, down, size in ((-0.08, 0.01, 0.05), (0.0, -0.015, 0.065), (0.08, 0.01, 0.05)):
            canvas.ellipse((x + across, y + down), size * 1.2, size * 0.75, (250, 252, 254))
