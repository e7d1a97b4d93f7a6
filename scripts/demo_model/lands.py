"""Land and water below the horizon."""

from collections.abc import Mapping, Sequence

import numpy as np

from .canvas import Canvas, Point
from .palette import Colour, jitter, mix
from .skies import SUNLIGHT, Light

WATER: Mapping[str, tuple[Colour, Colour]] = {
    "sunset": ((226, 130, 96), (74, 50, 104)),
    "sunrise": ((236, 204, 190), (106, 148, 186)),
    "night": ((34, 50, 104), (8, 14, 42)),
    "day": ((112, 186, 222), (24, 98, 168)),
}
HEIGHTS = (0.9, 1.25, 0.8)


def paint_mountains(
    canvas: Canvas, random: np.random.Generator, light: Light, horizon: float
) -> None:
    """Paint three ridges, the furthest with snow."""
    for layer, (amount, rise) in enumerate(((0.3, 0.2), (0.62, 0.1), (0.95, 0.05))):
        colour = jitter(random, mix(light.haze, light.land, amount), 2.0)
        points = _ridge(canvas, (horizon + 0.09 * layer, rise), layer / 2)
        canvas.polygon([*points, (canvas.width, canvas.height), (0.0, canvas.height)], colour)
        if layer == 0:
            _snow(canvas, points, mix(colour, (255, 255, 255), 0.6))


def paint_hills(canvas: Canvas, random: np.random.Generator, light: Light, horizon: float) -> None:
    """Paint three rows of round hills."""
    for layer, amount in enumerate((0.3, 0.6, 0.9)):
        colour = jitter(random, mix(light.haze, light.grass, amount), 2.0)
        x = canvas.width * (0.25 + 0.3 * layer)
        top = horizon + 0.1 * layer
        canvas.rectangle((0.0, top + 0.12), (canvas.width, canvas.height), colour)
        for centre in (x - canvas.width * 0.7, x, x + canvas.width * 0.7):
            canvas.ellipse((centre, top + 0.3), canvas.width * 0.55, 0.32, colour)


def paint_sea(
    canvas: Canvas, random: np.random.Generator, time: str, place: tuple[Point, float]
) -> None:
    """Paint water below the horizon, with the light of sun or moon on it."""
    sun, horizon = place
    near, far = WATER[time]
    canvas.gradient(
        [(horizon, jitter(random, near, 3.0)), (canvas.height, jitter(random, far, 3.0))]
    )
    light = mix(SUNLIGHT[time], near, 0.25)
    depth = canvas.height - horizon
    for row in range(6):
        y = horizon + depth * (0.07 + 0.13 * row)
        reach = 0.05 + 0.022 * row
        x = sun[0]
        canvas.ellipse((x, y), reach, 0.011 + 0.002 * row, light)


def paint_boat(canvas: Canvas, random: np.random.Generator, time: str, horizon: float) -> None:
    """Paint a sailing boat on the water."""
    x = canvas.width * float(random.uniform(0.27, 0.29))
    y = horizon + (canvas.height - horizon) * 0.3
    dark = time in {"sunset", "night"}
    sail: Colour = (226, 196, 178) if dark else (250, 248, 240)
    canvas.polygon([(x + 0.01, y - 0.03), (x + 0.01, y - 0.27), (x + 0.15, y - 0.05)], sail)
    canvas.polygon(
        [(x - 0.015, y - 0.03), (x - 0.015, y - 0.22), (x - 0.1, y - 0.05)],
        mix(sail, (160, 140, 150), 0.3),
    )
    hull: Colour = (70, 36, 40) if dark else (168, 62, 50)
    canvas.polygon(
        [(x - 0.15, y - 0.03), (x + 0.17, y - 0.03), (x + 0.11, y + 0.04), (x - 0.1, y + 0.04)],
        hull,
    )


def _ridge(canvas: Canvas, level: tuple[float, float], shift: float) -> list[Point]:
    """Give peaks and valleys from edge to edge, moved to the left by a share of a mountain."""
    base, rise = level
    count = max(2, round(canvas.width * 2.5))
    step = canvas.width / count
    points = [(-2 * step, base)]
    for index in range(count + 2):
        x = (index - shift) * step
        points.append((x, base - rise * HEIGHTS[index % len(HEIGHTS)] - 0.02))
        points.append((x + step * 0.5, base + 0.02))
    return [*points, (canvas.width + 2 * step, base)]


def _snow(canvas: Canvas, points: Sequence[Point], colour: Colour) -> None:
    for left, top, right in zip(points, points[1:], points[2:], strict=False):
        if top[1] < left[1] and top[1] < right[1]:
            share = 0.3
            start = (top[0] + (left[0] - top[0]) * share, top[1] + (left[1] - top[1]) * share)
            end = (top[0] + (right[0] - top[0]) * share, top[1] + (right[1] - top[1]) * share)
            dent = ((start[0] + end[0]) / 2, (start[1] + top[1]) / 2 + 0.005)
            canvas.polygon([start, top, end, dent], colour)
