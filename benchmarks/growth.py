"""What a picture costs as there are more of them, larger ones, and more who paint."""

import time
from collections.abc import Sequence
from functools import partial
from statistics import median

from benchmarks.bare import PROMPT
from benchmarks.clients import send_all, session
from benchmarks.holding import Hold, held
from benchmarks.painting import paint
from benchmarks.records import asks, end_of, ids_of
from benchmarks.stacks import BESIDE_BARE, running, start_another_worker
from benchmarks.turns import in_turns
from benchmarks.waiting import until_done
from benchmarks.workers.beside_bare import MARKER
from shared.worker_registry import Heartbeat, WorkerRegistry, WorkerState
from tests.support.stack import Stack, eventually

_CLIENTS = 8
_SLEEP_SECONDS = 0.2


def by_jobs(counts: Sequence[int]) -> dict[int, float]:
    """Give the seconds of a job that does nothing, by how many were queued at once."""
    with held() as (stack, hold):
        grown = {}
        for count in counts:
            hold.take()
            grown[count] = _backlog_seconds(stack, hold, count) / count
    return grown


def by_size(sizes: Sequence[int], rounds: int) -> tuple[dict[int, float], dict[int, float]]:
    """Give the seconds of a picture by its width, over HTTP and of the bare call beside it."""
    with running(BESIDE_BARE) as stack, session(stack.url) as client:
        ways = {
            f"{prompt} {size}": partial(paint, client, stack.store, prompt, size=size)
            for size in sizes
            for prompt in (PROMPT, MARKER)
        }
        in_turns(ways, 1)  # The first of a shape is slower.
        taken = in_turns(ways, rounds)
    ours = {size: median(each.total for each in taken[f"{PROMPT} {size}"]) for size in sizes}
    bare = {size: median(each.bare for each in taken[f"{MARKER} {size}"]) for size in sizes}
    return ours, bare


def by_workers(counts: Sequence[int], jobs_each: int) -> dict[int, float]:
    """Give the pictures a second of so many workers whose model sleeps."""
    with held(_SLEEP_SECONDS) as (stack, hold):
        grown = {}
        for count in counts:
            _have_workers(stack, count)
            hold.take()
            _backlog_seconds(stack, hold, 2 * count)  # A worker's first job takes longer.
            hold.take()
            jobs = jobs_each * count
            grown[count] = jobs / _backlog_seconds(stack, hold, jobs)
    return grown


def _backlog_seconds(stack: Stack, hold: Hold, count: int) -> float:
    """Give the seconds from the moment that so many jobs are let go to the end of the last."""
    ids = ids_of(send_all(stack.url, asks(count, size=256, steps=5), min(_CLIENTS, count)))
    started = time.time()
    hold.let_go()
    jobs = until_done(stack.store, ids)
    return max(map(end_of, jobs)).timestamp() - started


def _have_workers(stack: Stack, count: int) -> None:
    registry = WorkerRegistry(stack.redis)
    for number in range(len(registry.alive()) + 1, count + 1):
        start_another_worker(stack, number)
    eventually(registry.alive, until=lambda alive: _ready(alive) == count)


def _ready(workers: Sequence[Heartbeat]) -> int:
    return sum(worker.state is WorkerState.READY for worker in workers)
