"""Measuring things side by side, so that what slows the machine slows them all."""

from collections.abc import Callable, Mapping
from typing import TypeVar

Taken = TypeVar("Taken")


def in_turns(ways: Mapping[str, Callable[[], Taken]], rounds: int) -> dict[str, list[Taken]]:
    """Take each way once a round, every second round in reverse; what was taken, by way."""
    taken: dict[str, list[Taken]] = {name: [] for name in ways}
    for number in range(rounds):
        names = list(ways) if number % 2 == 0 else list(ways)[::-1]
        for name in names:
            taken[name].append(ways[name]())
    return taken
