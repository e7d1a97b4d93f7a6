"""Results go to stdout, everything else to stderr, so that a script can use the one alone."""

import json
import sys

from pydantic import JsonValue
from rich.console import Console
from rich.text import Text

from scripts.cli.failures import Failure

_WIDTH_OF_A_PIPE = 200


def results() -> Console:
    """Give where results go; prompts in them are text, not markup."""
    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = _WIDTH_OF_A_PIPE
    return console


def messages() -> Console:
    """Give where progress, notes and errors go."""
    return Console(stderr=True, markup=False, highlight=False, emoji=False)


def print_json(value: JsonValue) -> None:
    """Print a result for programs."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    sys.stdout.flush()  # A reader that has left is noticed here, not at the end.


def print_failure(failure: Failure) -> None:
    """Say in one line what went wrong, and in another what to do."""
    line = Text.assemble(("error: ", "bold red"), one_line(failure.message))
    messages().print(line, soft_wrap=True)
    if failure.hint:
        messages().print(Text(f"hint: {failure.hint}", "dim"), soft_wrap=True)


def one_line(text: str) -> str:
    """Make control characters harmless: what others wrote must not steer the terminal."""
    visible = (letter if letter.isprintable() else " " for letter in text)
    return "".join(visible)


def seconds(value: float) -> str:
    """Write a duration as people say it."""
    if value < 10:  # noqa: PLR2004
        return f"{value:.1f} s"
    if value < 100:  # noqa: PLR2004
        return f"{value:.0f} s"
    if value < 6000:  # noqa: PLR2004
        return f"{value / 60:.0f} min"
    return f"{value / 3600:.0f} h"
