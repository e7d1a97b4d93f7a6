"""Telling the pictures of a batch of their steps."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from PIL import Image

from worker.painting import Lane, Outcome

PictureOf = Callable[[int], Image.Image]
"""Gives the picture of the lane of this number as it stands."""


class AllEnded(Exception):
    """No lane is left that wants another step."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        super().__init__()
        self.outcomes = outcomes


class Following:
    """Follows the steps for all lanes, and keeps what has ended some of them.

    The model goes on with those too: to take them out in its midst would cost more than it saves.
    """

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._lanes = lanes
        self.ended: dict[int, Exception] = {}

    def __call__(self, step: int, picture_of: PictureOf) -> None:
        """Tell each lane of a step.

        Raises:
            AllEnded: None wants another one.
        """
        for number, lane in enumerate(self._lanes):
            if number in self.ended:
                continue
            try:
                lane.on_step(step, partial(picture_of, number))
            except (torch.OutOfMemoryError, torch.AcceleratorError):
                raise  # Of a preview: the device's trouble is everybody's.
            except Exception as error:  # noqa: BLE001  # Whatever it is, it ends this lane.
                self.ended[number] = error
        if len(self.ended) == len(self._lanes):
            raise AllEnded([self.ended[number] for number in range(len(self._lanes))])
