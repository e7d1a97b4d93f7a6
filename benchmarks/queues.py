"""How fast jobs are accepted, and a job that does nothing there and back, against other queues."""

from benchmarks.acceptance import acceptance_rates
from benchmarks.command import Effort, run
from benchmarks.report import Figure, Findings, Line, Plot, above
from benchmarks.round_trips import OURS, round_trips
from benchmarks.spread import Spread

_NOTE = (
    "Clients, API and Redis share the cores. Ours there and back is over HTTP, with a PNG of"
    " 256x256 for an answer; the others carry a word, and no HTTP."
)


def measure(effort: Effort) -> Findings:
    """Fill the queue of a worker that is held, then take round trips of several queues in turns."""
    rates = acceptance_rates(count=effort.of(2000, 50), rounds=effort.of(5, 1))
    trips = round_trips(rounds=effort.of(20, 2))
    middles = {name: Spread.of(seconds).median for name, seconds in trips.items()}
    ours = middles.pop(OURS)
    accepted = (
        Figure.middle(f"jobs accepted, {clients} at once", rate, "a second", above(500))
        for clients, rate in rates.items()
    )
    there_and_back = (
        Figure.middle(f"there and back: {name}", [value * 1000 for value in seconds], "ms")
        for name, seconds in trips.items()
    )
    compared = (
        Figure(what=f"there and back: ours to {name}", value=ours / theirs)
        for name, theirs in middles.items()
    )
    return Findings(
        figures=(*accepted, *there_and_back, *compared),
        plots=(_plot(rates),),
        notes=(_NOTE,),
    )


def _plot(rates: dict[int, list[float]]) -> Plot:
    points = tuple((clients, Spread.of(rate).median) for clients, rate in rates.items())
    return Plot(
        name="queues",
        title="Jobs accepted by one API process",
        x="clients at once",
        y="jobs a second",
        lines=(Line(label="POST /jobs", points=points),),
        logarithmic="x",
    )


if __name__ == "__main__":
    run("queues", __doc__, measure)
