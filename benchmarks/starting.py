"""How long the API and the worker take to start, and what the first picture costs."""

import sys
from functools import partial
from time import perf_counter

from benchmarks.bare import PROMPT
from benchmarks.clients import Session, session
from benchmarks.command import Effort, run
from benchmarks.probes import wait_until_ready
from benchmarks.report import Figure, Findings, below
from benchmarks.servers import process, seconds_until_answered
from benchmarks.spread import ratios
from benchmarks.stacks import MODEL, prepared
from benchmarks.turns import in_turns
from benchmarks.usage import Usage
from shared.worker_registry import WorkerRegistry, WorkerState
from tests.support.stack import Stack, eventually

_AFTER_THE_FIRST = 8


def measure(effort: Effort) -> Findings:
    """Start each again and again, in turns with the least that its start can cost."""
    with prepared(MODEL) as stack:
        api = in_turns({"api": partial(_start_api, stack)}, effort.of(20, 2))["api"]
        ways = {"ours": partial(_start_worker, stack), "bare": partial(_start_bare)}
        starts = in_turns(ways, effort.of(10, 1))
        firsts = in_turns({"first": partial(_first_request, stack)}, effort.of(5, 1))["first"]
    seconds, megabytes = zip(*api, strict=True)
    return Findings(
        figures=(
            Figure.middle("API, from its start to /livez", seconds, "s", below(1.5)),
            Figure.middle("API, memory then", megabytes, "MB", below(90)),
            Figure.middle(
                "worker, from its start to ready, to bare imports, load and one small picture",
                ratios(starts["ours"], starts["bare"]),
                "",
                below(1.1),
            ),
            Figure.middle("worker, from its start to ready", starts["ours"], "s"),
            Figure.middle("bare imports, load and one small picture", starts["bare"], "s"),
            Figure.middle("first picture to the median of the next", firsts, "", below(1.15)),
        ),
    )


def _start_api(stack: Stack) -> tuple[float, float]:
    """Give the seconds until it answers, and its megabytes then."""
    stack.start("api")
    seconds = seconds_until_answered(stack.url, "/livez")
    usage = Usage.of_api(stack)
    stack.stop("api")
    return seconds, usage.megabytes


def _start_worker(stack: Stack) -> float:
    """Give the seconds until it says that it is ready."""
    started = perf_counter()
    stack.start("worker")
    _wait_for_worker(stack)
    seconds = perf_counter() - started
    stack.stop("worker")
    return seconds


def _start_bare() -> float:
    started = perf_counter()
    with process((sys.executable, "-m", "benchmarks.others.start_bare"), talks=True) as program:
        wait_until_ready(program)
        return perf_counter() - started


def _first_request(stack: Stack) -> float:
    """Give the ratio of a fresh worker's first picture to the next ones."""
    stack.start("worker", "api")
    stack.wait_until_ready()
    with session(stack.url) as client:
        first = _paint(client)
        following = sorted(_paint(client) for _ in range(_AFTER_THE_FIRST))
    stack.stop("api", "worker")
    return first / following[_AFTER_THE_FIRST // 2]


def _paint(client: Session) -> float:
    return client.post("/generate", prompt=PROMPT, seed=0).expect(200).seconds


def _wait_for_worker(stack: Stack) -> None:
    registry = WorkerRegistry(stack.redis)
    eventually(
        lambda: [worker.state for worker in registry.alive()],
        until=lambda states: states == [WorkerState.READY],
    )


if __name__ == "__main__":
    run("starting", __doc__, measure)
