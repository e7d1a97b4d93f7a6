"""The share of its time that the device computes while a backlog of jobs waits."""

from collections.abc import Sequence

from benchmarks.clients import send_all
from benchmarks.command import Effort, run
from benchmarks.records import asks, ids_of, span_seconds, timings_of
from benchmarks.report import Figure, Findings, above
from benchmarks.stacks import MODEL, SLEEPING, running
from benchmarks.waiting import until_done
from shared.jobs import Job

_CLIENTS = 4
_STEPS = 10
_LEAST_SECONDS = 0.3
_SHARE = above(0.98)
_NOTE = f"Pictures of 512x512 in {_STEPS} steps; the PNG does not count as computing."


def measure(effort: Effort) -> Findings:
    """Work off a backlog with the model, and one with a model that only sleeps."""
    count = effort.of(200, 4)
    painted = _backlog(count, MODEL, {})
    slept = _backlog(count, SLEEPING, {"BENCH_SECONDS": str(_LEAST_SECONDS)})
    seconds = [_computing(job) for job in painted]
    return Findings(
        figures=(
            Figure(what="with the model", value=_share(painted), target=_SHARE),
            Figure(what="with a model that sleeps 0.3 s", value=_share(slept), target=_SHARE),
            Figure.middle("seconds of a picture", seconds, "s", above(_LEAST_SECONDS)),
        ),
        notes=(_NOTE,),
    )


def _backlog(count: int, worker: str, settings: dict[str, str]) -> list[Job]:
    with running(worker, settings) as stack:
        ids = ids_of(send_all(stack.url, asks(count, steps=_STEPS), _CLIENTS))
        return until_done(stack.store, ids)


def _share(jobs: Sequence[Job]) -> float:
    return sum(map(_computing, jobs)) / span_seconds(jobs)


def _computing(job: Job) -> float:
    timings = timings_of(job)
    return timings.text + timings.denoise + timings.decode


if __name__ == "__main__":
    run("busy", __doc__, measure)
