"""A canvas in relative units, drawn at twice its size and reduced."""

from collections.abc import Sequence
from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageDraw

from .palette import Colour

SUPERSAMPLING = 2

Point = tuple[float, float]
"""Horizontal and vertical position, in units of the canvas (see `Canvas`)."""

Stop = tuple[float, Colour]
"""A height on the canvas, and the colour there."""


class Canvas:
    """A picture whose shorter side is one unit, with the origin at the top left."""

    def __init__(self, width: int, height: int) -> None:
        self.scale = min(width, height) * SUPERSAMPLING
        self.width = width * SUPERSAMPLING / self.scale
        self.height = height * SUPERSAMPLING / self.scale
        self.image = Image.new("RGB", (width * SUPERSAMPLING, height * SUPERSAMPLING))
        self._draw = ImageDraw.Draw(self.image)

    def reduced(self, factor: int = 1) -> Image.Image:
        """Return the picture, `factor` times smaller than the canvas was asked to be."""
        return self.image.reduce(SUPERSAMPLING * factor)

    def rectangle(self, top_left: Point, bottom_right: Point, colour: Colour) -> None:
        """Paint an upright rectangle."""
        self._draw.rectangle((*self._pixel(top_left), *self._pixel(bottom_right)), fill=colour)

    def ellipse(self, centre: Point, across: float, down: float, colour: Colour) -> None:
        """Paint an ellipse with these half axes."""
        x, y = centre
        corners = (*self._pixel((x - across, y - down)), *self._pixel((x + across, y + down)))
        self._draw.ellipse(corners, fill=colour)

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """Paint the inside of a closed line."""
        self._draw.polygon([self._pixel(point) for point in points], fill=colour)

    def line(self, points: Sequence[Point], thickness: float, colour: Colour) -> None:
        """Draw a line with round ends."""
        self._draw.line(
            [self._pixel(point) for point in points],
            fill=colour,
            width=max(1, round(thickness * self.scale)),
            joint="curve",
        )
        for point in (points[0], points[-1]):
            self.ellipse(point, thickness / 2, thickness / 2, colour)

    def gradient(self, stops: Sequence[Stop]) -> None:
        """Paint a vertical gradient from the first to the last stop, edge to edge."""
        top = round(stops[0][0] * self.scale)
        bottom = min(round(stops[-1][0] * self.scale), self.image.height)
        heights = (np.arange(top, bottom) + 0.5) / self.scale
        at = [height for height, _ in stops]
        rows = np.stack(
            [np.interp(heights, at, [colour[i] for _, colour in stops]) for i in range(3)], axis=-1
        )
        column = Image.fromarray(np.rint(rows[:, None, :]).astype(np.uint8))
        self.image.paste(column.resize((self.image.width, bottom - top)), (0, top))

    def glow(self, centre: Point, radius: float, colour: Colour, strength: float) -> None:
        """Add light that fades from `strength` (0 to 1) in the centre to nothing at the rim."""
        size = max(2, round(2 * radius * self.scale))
        corner = self._pixel((centre[0] - radius, centre[1] - radius))
        mask = _falloff().resize((size, size), Image.Resampling.BILINEAR)
        faded = mask.point([round(strength * level) for level in range(256)])
        self.image.paste(colour, (round(corner[0]), round(corner[1])), faded)

    def _pixel(self, point: Point) -> Point:
        return point[0] * self.scale, point[1] * self.scale


def arc(centre: Point, across: float, down: float, turn: tuple[float, float]) -> list[Point]:
    """Give points on an ellipse from one angle to another, in degrees, clockwise from the right."""
    angles = np.radians(np.linspace(turn[0], turn[1], 33))
    return [(centre[0] + across * cos(a), centre[1] + down * sin(a)) for a in angles]


def regular(centre: Point, radius: float, corners: int, inner: float = 1.0) -> list[Point]:
    """Give a polygon with a corner on top; `inner` < 1 pulls every second point in: a star."""
    points = []
    for index in range(corners * 2):
        reach = radius * (inner if index % 2 else 1.0)
        angle = index * pi / corners - pi / 2
        points.append((centre[0] + reach * cos(angle), centre[1] + reach * sin(angle)))
    return points if inner < 1.0 else points[::2]


def _falloff(size: int = 64) -> Image.Image:
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    distance = np.sqrt(axis[None, :] ** 2 + axis[:, None] ** 2)
    level = np.clip(1.0 - distance, 0.0, 1.0) ** 1.5
    return Image.fromarray(np.rint(level * 255).astype(np.uint8))
