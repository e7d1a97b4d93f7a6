"""How a job is shown while it is painted: a live bar, plain lines, or nothing."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from scripts.cli.events import Canceling, Ended, Event, Queued, Started, Step
from scripts.cli.output import messages, one_line, seconds

_LINES_PER_PICTURE = 4


class Display(Protocol):
    """Shows what happens."""

    def show(self, event: Event) -> None:
        """Show what has just happened."""

    def note(self, text: str) -> None:
        """Say something that stays to be read."""


@contextmanager
def displayed(*, quiet: bool) -> Iterator[Display]:
    """Give the display that fits where the messages go."""
    console = messages()
    if quiet:
        yield Silence()
    elif console.is_terminal and not console.is_dumb_terminal:
        columns = TextColumn("{task.description}", markup=False), BarColumn(30)
        with Progress(
            *columns, _Steps(), _SecondsLeft(), console=console, transient=True
        ) as progress:
            yield LiveBar(progress)
    else:
        yield PlainLines(console)


class Silence:
    """Shows nothing."""

    def show(self, event: Event) -> None:
        """Show nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""


class PlainLines:
    """Says each change in a line, and of the steps each quarter."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said = ""
        self._quarter = 0

    def show(self, event: Event) -> None:
        """Say what has happened where it is news."""
        match event:
            case Queued():
                self._say(described(event), _left(event.eta_seconds))
            case Started():
                self._quarter = 0
                self._say(described(event), _left(event.eta_seconds))
            case Step(step=step, total=total):
                quarter = step * _LINES_PER_PICTURE // total
                if quarter > self._quarter:
                    self._quarter = quarter
                    done = f"{described(event)}, step {step}/{total}"
                    self._say(done, _left(event.eta_seconds))
            case Canceling():
                self._say(described(event))

    def note(self, text: str) -> None:
        """Say it."""
        self._console.print(one_line(text), soft_wrap=True)

    def _say(self, line: str, left: str = "") -> None:
        if line != self._said:  # Another estimate alone is no news.
            self._said = line
            self.note(line + left)


class LiveBar:
    """One line that moves: the place in the queue, then the steps and the seconds left."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bar = progress.add_task("sending", total=None, ends_at=None)

    def show(self, event: Event) -> None:
        """Move the bar."""
        if isinstance(event, Ended):
            return
        ends_at = None if isinstance(event, Canceling) else _ends_at(event.eta_seconds)
        self._progress.update(self._bar, description=described(event), ends_at=ends_at)
        if isinstance(event, Step):
            self._progress.update(self._bar, completed=event.step, total=event.total)
        elif isinstance(event, Queued | Started):
            # A job whose worker was lost begins again; a total of None makes the bar pulse.
            self._progress.reset(self._bar, total=None)

    def note(self, text: str) -> None:
        """Say it above the bar."""
        self._progress.console.print(one_line(text), soft_wrap=True)


class _Steps(ProgressColumn):
    """The step of how many."""

    def render(self, task: Task) -> Text:
        if task.total is None:
            return Text()
        return Text(f"step {task.completed:.0f}/{task.total:.0f}", "cyan")


class _SecondsLeft(ProgressColumn):
    """Counts down between what the service tells."""

    def render(self, task: Task) -> Text:
        ends_at = task.fields["ends_at"]
        left = "" if ends_at is None else f"{seconds(max(0.0, ends_at - time.monotonic()))} left"
        return Text(left, "dim")


def described(event: Event) -> str:
    """Say what is going on, in a word or two."""
    match event:
        case Queued(position=position):
            return f"queued, {_place(position)}" if position is not None else "queued"
        case Started(attempt=attempt) if attempt > 1:
            return f"painting again (attempt {attempt}: a worker was lost)"
        case Started() | Step():
            return "painting"
        case Canceling():
            return "canceling"
        case Ended(job=job):
            return job.state.value


def _place(position: int) -> str:
    return f"{position} before it" if position else "next"


def _left(eta_seconds: float | None) -> str:
    return "" if eta_seconds is None else f", {seconds(eta_seconds)} left"


def _ends_at(eta_seconds: float | None) -> float | None:
    return None if eta_seconds is None else time.monotonic() + eta_seconds
