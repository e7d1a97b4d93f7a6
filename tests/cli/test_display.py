import io

import pytest
from rich.console import Console

from scripts.cli.display import PlainLines, displayed
from scripts.cli.events import Canceling, Event, Queued, Started, Step

EVENTS: list[Event] = [
    Queued(position=2, eta_seconds=12.5),
    Queued(position=2, eta_seconds=11.0),
    Queued(position=0, eta_seconds=None),
    Started(attempt=1, eta_seconds=5.0),
    *(Step(step=step, total=8, eta_seconds=8.0 - step) for step in range(1, 5)),
    Queued(position=0, eta_seconds=3.0),
    Started(attempt=2),
    Step(step=7, total=8, eta_seconds=150),
    Canceling(step=7, total=8),
]


class TestPlainLines:
    def test_say_what_is_news_and_of_the_steps_each_quarter(self) -> None:
        written = io.StringIO()
        lines = PlainLines(Console(file=written, width=60))
        for event in EVENTS:
            lines.show(event)
        assert written.getvalue().splitlines() == [
            "queued, 2 before it, 12 s left",
            "queued, next",
            "painting, 5.0 s left",
            "painting, step 2/8, 6.0 s left",
            "painting, step 4/8, 4.0 s left",
            "queued, next, 3.0 s left",
            "painting again (attempt 2: a worker was lost)",
            "painting, step 7/8, 2 min left",
            "canceling",
        ]


class TestLiveBar:
    def test_moves_on_a_terminal(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
        with displayed(quiet=False) as display:
            for event in EVENTS[:-1]:
                display.show(event)
            display.note("a [bold] note")
        written = capsys.readouterr()
        assert written.out == ""
        assert "a [bold] note" in written.err
        assert "step 7/8" in written.err

    def test_is_not_shown_where_programs_read(self, capsys: pytest.CaptureFixture[str]) -> None:
        with displayed(quiet=True) as display:
            display.show(EVENTS[0])
            display.note("nothing")
        assert capsys.readouterr() == ("", "")
