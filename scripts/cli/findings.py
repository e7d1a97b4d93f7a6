"""What doctor finds: each thing it looked at, how that is, and what to do."""

from dataclasses import asdict, dataclass
from enum import StrEnum

from pydantic import JsonValue
from rich.console import Console
from rich.text import Text

from scripts.cli.output import one_line


class Grade(StrEnum):
    """How something is."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    BROKEN = "broken"


_MARK_OF = {
    Grade.GOOD: ("✔", "green"),
    Grade.DOUBTFUL: ("!", "yellow"),
    Grade.BROKEN: ("✘", "bold red"),
}
_NAME_WIDTH = 9


@dataclass(frozen=True)
class Finding:
    """How one thing is, and a hint where it should be otherwise."""

    name: str
    grade: Grade
    detail: str
    hint: str = ""

    def as_json(self) -> dict[str, JsonValue]:
        """Give it for programs."""
        return asdict(self)

    def print(self, console: Console) -> None:
        """Print it for people."""
        mark, style = _MARK_OF[self.grade]
        name = self.name.ljust(_NAME_WIDTH)
        line = Text.assemble((mark, style), " ", (name, "bold"), " ", one_line(self.detail))
        console.print(line, soft_wrap=True)
        if self.hint:
            indent = " " * (_NAME_WIDTH + 3)
            console.print(Text(f"{indent}{one_line(self.hint)}", "dim"), soft_wrap=True)


def good(name: str, detail: str) -> Finding:
    """Find nothing wrong."""
    return Finding(name, Grade.GOOD, detail)


def doubtful(name: str, detail: str, hint: str) -> Finding:
    """Find something that works but could be better."""
    return Finding(name, Grade.DOUBTFUL, detail, hint)


def broken(name: str, detail: str, hint: str) -> Finding:
    """Find something that does not work."""
    return Finding(name, Grade.BROKEN, detail, hint)
