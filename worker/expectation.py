"""When a picture is expected: from earlier ones, and soon from its own steps."""

from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic

from shared.pace import ShapePace

# Its own first steps say little: the pace learned from others counts as this many of them.
_PRIOR_STEPS = 2


class Expectation:
    """Estimates the seconds that a running attempt still takes."""

    def __init__(
        self, steps: int, pace: ShapePace | None, *, clock: Callable[[], float] = monotonic
    ) -> None:
        self._steps = steps
        self._pace = pace
        self._clock = clock
        self._first: tuple[int, float] | None = None
        self._step_seconds = pace.step_seconds if pace else None

    def step_done(self, step: int) -> None:
        """Learn from a step: its own pace says more than that of earlier pictures."""
        now = self._clock()
        if self._first is None:
            self._first = step, now
            return
        first_step, first_at = self._first
        prior_steps = _PRIOR_STEPS if self._pace else 0
        prior_seconds = prior_steps * self._pace.step_seconds if self._pace else 0
        if step > first_step:
            seen = step - first_step
            self._step_seconds = (now - first_at + prior_seconds) / (seen + prior_steps)

    def expected_at(self, step: int, now: datetime) -> datetime | None:
        """Give when the picture is expected after `step` steps; None while nothing is known."""
        if self._step_seconds is None:
            return None
        rest = self._pace.rest_seconds if self._pace else 0
        return now + timedelta(seconds=(self._steps - step) * self._step_seconds + rest)
