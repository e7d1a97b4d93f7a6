"""Questions with known answers: are object and background of the colours that were asked?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .colour_names import NAMES, Pixels, dominant, names_of

Draw = Callable[[str, int], Pixels]
"""Makes the picture of a caption and a seed."""
Box = tuple[float, float, float, float]
"""Left, top, right and bottom, as shares of the picture."""
Names = NDArray[np.int64]

BORDER = 0.04
SMALLEST_OBJECT = 0.02
"""Share of the picture that an object must at least cover."""


@dataclass(frozen=True)
class Question:
    """A caption, a seed, and what must be seen where."""

    caption: str
    seed: int
    object: frozenset[str]
    background: frozenset[str]
    object_boxes: Sequence[Box] = ()
    """Where to look; without boxes, everywhere but in the border's colour."""
    background_boxes: Sequence[Box] = ()
    """Where to look; without boxes, along the border."""


@dataclass(frozen=True)
class Answer:
    """What was seen."""

    question: Question
    object: str
    background: str

    @property
    def right(self) -> bool:
        """Whether both are of the colours asked."""
        asked = self.question
        return self.object in asked.object and self.background in asked.background


def ask(draw: Draw, questions: Sequence[Question]) -> list[Answer]:
    """Draw every question and look at the pictures."""
    return [look(question, draw(question.caption, question.seed)) for question in questions]


def look(question: Question, pixels: Pixels) -> Answer:
    """Find the dominant colours of object and background in a picture."""
    names = names_of(pixels)
    if question.background_boxes:
        background = dominant(_inside(names, question.background_boxes))
        return Answer(question, dominant(_inside(names, question.object_boxes)), background)
    background = dominant(_border(names))
    rest = names[names != NAMES.index(background)]
    seen = len(rest) >= SMALLEST_OBJECT * names.size
    return Answer(question, dominant(rest) if seen else "nothing", background)


def _inside(names: Names, boxes: Sequence[Box]) -> Names:
    height, width = names.shape
    return np.concatenate(
        [
            names[
                round(top * height) : round(bottom * height),
                round(left * width) : round(right * width),
            ].ravel()
            for left, top, right, bottom in boxes
        ]
    )


def _border(names: Names) -> Names:
    band = max(1, round(BORDER * min(names.shape)))
    inner = np.zeros(names.shape, dtype=bool)
    inner[band:-band, band:-band] = True
    return names[~inner]
