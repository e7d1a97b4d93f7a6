from datetime import datetime, timedelta

import pytest

from shared.pace import ShapePace
from tests.support.builders import NOW
from worker.expectation import Expectation

STEPS = 20
PACE = ShapePace(step_seconds=1, rest_seconds=3)


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def paint(expectation: Expectation, clock: Clock, steps: int, *, step_seconds: float) -> None:
    """Do the first steps of a picture, each in so many seconds."""
    for step in range(1, steps + 1):
        clock.seconds += step_seconds
        expectation.step_done(step)


def seconds_left(expectation: Expectation, step: int) -> float | None:
    expected_at: datetime | None = expectation.expected_at(step, NOW)
    return None if expected_at is None else (expected_at - NOW) / timedelta(seconds=1)


class TestWithAPace:
    def test_expects_at_the_start_what_earlier_pictures_took(self) -> None:
        assert seconds_left(Expectation(STEPS, PACE), 0) == 23

    def test_expects_after_the_first_step_what_earlier_pictures_took(self, clock: Clock) -> None:
        # How long it took is not known: the text came before it.
        expectation = Expectation(STEPS, PACE, clock=clock)
        paint(expectation, clock, 1, step_seconds=50)
        assert seconds_left(expectation, 1) == 22

    def test_soon_believes_its_own_steps_more(self, clock: Clock) -> None:
        expectation = Expectation(STEPS, PACE, clock=clock)
        paint(expectation, clock, 3, step_seconds=5)
        assert seconds_left(expectation, 3) == pytest.approx(17 * 3 + 3)
        paint(expectation, clock, 19, step_seconds=5)
        assert seconds_left(expectation, 19) == pytest.approx(5 + 3, rel=0.1)

    def test_expects_nothing_else_where_the_steps_are_as_before(self, clock: Clock) -> None:
        expectation = Expectation(STEPS, PACE, clock=clock)
        paint(expectation, clock, 10, step_seconds=1)
        assert seconds_left(expectation, 10) == pytest.approx(13)

    def test_keeps_some_seconds_for_the_decoding_after_the_last_step(self, clock: Clock) -> None:
        expectation = Expectation(STEPS, PACE, clock=clock)
        paint(expectation, clock, STEPS, step_seconds=1)
        assert seconds_left(expectation, STEPS) == 3


class TestWithoutAPace:
    @pytest.mark.parametrize("steps", [0, 1])
    def test_knows_nothing_before_its_second_step(self, clock: Clock, steps: int) -> None:
        expectation = Expectation(STEPS, None, clock=clock)
        paint(expectation, clock, steps, step_seconds=5)
        assert seconds_left(expectation, steps) is None

    def test_knows_its_own_steps_from_then_on(self, clock: Clock) -> None:
        expectation = Expectation(STEPS, None, clock=clock)
        paint(expectation, clock, 2, step_seconds=5)
        assert seconds_left(expectation, 2) == pytest.approx(18 * 5)


class TestStepDone:
    @pytest.mark.parametrize("pace", [PACE, None])
    def test_learns_nothing_from_a_first_step_that_comes_again(
        self, clock: Clock, pace: ShapePace | None
    ) -> None:
        expectation = Expectation(STEPS, pace, clock=clock)
        before = seconds_left(expectation, 1)
        for _ in range(3):
            clock.seconds += 5
            expectation.step_done(1)
        assert seconds_left(expectation, 1) == before

    def test_may_miss_some(self, clock: Clock) -> None:
        expectation = Expectation(STEPS, None, clock=clock)
        expectation.step_done(2)
        clock.seconds += 12
        expectation.step_done(6)
        assert seconds_left(expectation, 6) == pytest.approx(14 * 3)
