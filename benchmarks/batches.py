"""What pictures cost that are painted at once, and how far they are from those that are alone."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.bare import PROMPT, SIZE, STEPS, device_wanted, model_wanted
from benchmarks.clients import send_all
from benchmarks.command import Effort, run
from benchmarks.records import asks, ids_of, span_seconds
from benchmarks.report import Figure, Findings
from benchmarks.spread import ratios
from benchmarks.stacks import MODEL, running
from benchmarks.turns import in_turns
from benchmarks.waiting import until_done
from shared.generation import GenerationRequest
from shared.settings import Settings

if TYPE_CHECKING:
    from tests.support.stack import Stack
    from worker.painting import Painting
    from worker.pipeline import DiffusersPipeline

_SIZES = (2, 4, 8)
_OF_THE_SERVICE = 4
_CLIENTS = 4
_STEPS = 10
_NOTE = (
    f"{SIZE}x{SIZE}, {STEPS} steps: seconds of a picture's share of its batch to those of one that"
    " is alone, painted in turns. Through the service: a backlog's pictures a second with"
    f" `MAX_BATCH_SIZE={_OF_THE_SERVICE}` to those with 1, {_STEPS} steps each."
)


def measure(effort: Effort) -> Findings:
    """Paint batches beside single pictures, then a backlog with and without them."""
    through = _through_the_service(effort)
    pipeline = _load()
    figures = (_figures(pipeline, size, effort) for size in _SIZES)
    return Findings(figures=(*chain.from_iterable(figures), through), notes=(_NOTE,))


def _load() -> "DiffusersPipeline":
    # Here, because torch is not needed to list the benchmarks.
    from worker.loading import load_pipeline  # noqa: PLC0415

    chosen = {"device": device_wanted(), "model_id": model_wanted()}
    return load_pipeline(Settings.model_validate(chosen))


def _figures(pipeline: "DiffusersPipeline", size: int, effort: Effort) -> Iterator[Figure]:
    ways = {"alone": partial(_paint, pipeline, 1), "batch": partial(_paint, pipeline, size)}
    in_turns(ways, 1)  # The first of a shape is slower.
    taken = in_turns(ways, effort.of(8, 1))
    shares = {way: [_share(painted) for painted in calls] for way, calls in taken.items()}
    yield Figure.middle(f"{size} at once: time of each", ratios(shares["batch"], shares["alone"]))
    pair = (np.asarray(taken[way][0][0].image, dtype=np.int16) for way in ("alone", "batch"))
    distance = np.abs(np.subtract(*pair)).max(axis=-1)
    differing = 100 * float((distance > 0).mean())
    yield Figure(what=f"{size} at once: pixels that differ", value=differing, unit="%")
    yield Figure(what=f"{size} at once: by at most, of 255", value=float(distance.max()))


def _paint(pipeline: "DiffusersPipeline", size: int) -> list["Painting"]:
    from worker.painting import Lane, painting_of  # noqa: PLC0415

    requests = (
        GenerationRequest(prompt=PROMPT, seed=seed, num_inference_steps=STEPS)
        for seed in range(size)
    )
    outcomes = pipeline.generate_batch([Lane(request, lambda *_: None) for request in requests])
    return [painting_of(outcome) for outcome in outcomes]


def _share(painted: Sequence["Painting"]) -> float:
    whole = painted[0].text_seconds + painted[0].denoise_seconds
    return (whole + sum(one.decode_seconds for one in painted)) / len(painted)


def _through_the_service(effort: Effort) -> Figure:
    with (
        running(MODEL, {}) as alone,
        running(MODEL, {"MAX_BATCH_SIZE": str(_OF_THE_SERVICE)}) as together,
    ):
        ways = {"alone": alone, "together": together}
        rates = in_turns(
            {way: partial(_rate, stack, effort) for way, stack in ways.items()}, effort.of(5, 1)
        )
    gains = ratios(rates["together"], rates["alone"])
    return Figure.middle("through the service: pictures a second", gains)


def _rate(stack: "Stack", effort: Effort) -> float:
    count = effort.of(24, 4)
    jobs = until_done(stack.store, ids_of(send_all(stack.url, asks(count, steps=_STEPS), _CLIENTS)))
    return count / span_seconds(jobs)


if __name__ == "__main__":
    run("batches", __doc__, measure)
