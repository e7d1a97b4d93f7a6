"""The size of a picture that is to look like the one it begins with."""

from pydantic import TypeAdapter

from shared.generation import Dimension

_LIMITS = TypeAdapter(Dimension).json_schema()
_LEAST: int = _LIMITS["minimum"]
_MOST: int = _LIMITS["maximum"]
_STEP: int = _LIMITS["multipleOf"]


def size_like(size: tuple[int, int], width: int | None, height: int | None) -> tuple[int, int]:
    """Give the size that can be painted and is nearest to this one's shape.

    A width or height that was asked for stays. Where neither was, the size itself stays if it can,
    and else the longer side is brought within the limits, or the shorter.
    """
    if width is not None and height is not None:
        return width, height
    scale = _scale(size, width, height)
    return width or _valid(size[0] * scale), height or _valid(size[1] * scale)


def _scale(size: tuple[int, int], width: int | None, height: int | None) -> float:
    if width is not None:
        return width / size[0]
    if height is not None:
        return height / size[1]
    fitting = min(1.0, _MOST / max(size))
    return max(fitting, _LEAST / min(size)) if min(size) * fitting < _LEAST else fitting


def _valid(side: float) -> int:
    return min(max(round(side / _STEP) * _STEP, _LEAST), _MOST)
