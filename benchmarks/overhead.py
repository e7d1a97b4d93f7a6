"""What a picture over HTTP takes beyond the bare diffusers call and its PNG, in the same process.

The service is started here; MODEL_ID and DEVICE choose what paints.
"""

from collections.abc import Sequence
from functools import partial

from benchmarks.bare import PROMPT, SIZE, STEPS
from benchmarks.clients import session
from benchmarks.command import Effort, run
from benchmarks.painting import Painted, paint
from benchmarks.report import Figure, Findings, below
from benchmarks.spread import differences, ratios
from benchmarks.stacks import BESIDE_BARE, running
from benchmarks.turns import in_turns
from benchmarks.workers.beside_bare import MARKER
from tests.support.stack import Stack

_P50 = below(4)
_P99 = below(40)

_NOTE = (
    "The bare call's own time strays by more than the service costs, most of all where the picture"
    " takes long. So the second pair of rows takes from a request's time that of its own model and"
    " PNG, as its record has them. A difference below zero says that the bare call beside it was"
    " the slower one."
)

Pairs = tuple[Sequence[Painted], Sequence[Painted]]


def measure(effort: Effort) -> Findings:
    """Paint in turns over HTTP and barely, and compare each with its neighbour."""
    with running(BESIDE_BARE) as stack:
        large = _pairs(stack, SIZE, STEPS, rounds=effort.of(100, 2))
        small = _pairs(stack, 256, 5, rounds=effort.of(500, 5))
    return Findings(
        figures=(*_figures("512x512, 28 steps", large), *_figures("256x256, 5 steps", small)),
        notes=(_NOTE,),
    )


def _pairs(stack: Stack, size: int, steps: int, *, rounds: int) -> Pairs:
    with session(stack.url) as client:
        ways = {
            prompt: partial(paint, client, stack.store, prompt, size=size, steps=steps)
            for prompt in (PROMPT, MARKER)
        }
        in_turns(ways, 1)  # The first of a shape is slower.
        taken = in_turns(ways, rounds)
    return taken[PROMPT], taken[MARKER]


def _figures(shape: str, pairs: Pairs) -> tuple[Figure, ...]:
    totals, stages = ([each.total for each in pairs[0]], [each.stages for each in pairs[0]])
    bare = [each.bare for each in pairs[1]]
    beyond = _milliseconds(differences(totals, bare))
    around = _milliseconds(differences(totals, stages))
    return (
        Figure.middle(f"{shape}: HTTP minus the bare call beside it, p50", beyond, "ms", _P50),
        Figure.tail(f"{shape}: the same, p99", beyond, "ms", _P99),
        Figure.middle(f"{shape}: HTTP minus its own model and PNG, p50", around, "ms", _P50),
        Figure.tail(f"{shape}: the same, p99", around, "ms", _P99),
        Figure.middle(f"{shape}: HTTP to the bare call", ratios(totals, bare)),
        Figure.middle(f"{shape}: our model and PNG to the bare ones", ratios(stages, bare)),
        Figure.middle(f"{shape}: the bare call and its PNG", _milliseconds(bare), "ms"),
    )


def _milliseconds(seconds: Sequence[float]) -> list[float]:
    return [value * 1000 for value in seconds]


if __name__ == "__main__":
    run("overhead", __doc__, measure)
