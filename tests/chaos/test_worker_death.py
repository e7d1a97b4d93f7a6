"""Workers that are killed while they paint."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from tests.chaos.bench import (
    ONE_THREAD,
    REQUESTS,
    Figures,
    GoodClient,
    Record,
    ended_by_worker,
    finished,
    outcomes,
    sized,
    slow,
    undisturbed,
    until_finished,
    until_next_start,
)
from tests.support.stack import Stack, eventually

JOBS = sized(short=20, full=200)
KILLS = sized(short=3, full=20)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    settings = {"LEASE_SECONDS": "6", "MAX_CONCURRENT_REQUESTS": "1000", **ONE_THREAD}
    with Stack(tmp_path, settings, worker="tests.support.poisoned_worker") as stack:
        stack.start("redis", "worker", "api")
        stack.wait_until_ready()
        yield stack


def kill_parent(stack: Stack) -> None:
    child = stack.worker_child()
    stack.kill("worker")
    eventually(child.is_running, until=lambda lives: not lives)
    stack.start("worker")  # As the supervisor does.


def kill_child(stack: Stack) -> None:
    os.kill(stack.worker_child().pid, signal.SIGKILL)


def crash_child(stack: Stack) -> None:
    os.kill(stack.worker_child().pid, signal.SIGSEGV)


WAYS = (kill_parent, kill_child, crash_child)


def a_job_is_running_for_the_first_time(stack: Stack) -> bool:
    # So that chance never hits a job as often as a job may be hit.
    jobs = stack.store.get_many(stack.store.held_ids())
    return any(job is not None and job.worker and job.attempt == 1 for job in jobs)


def kill_at_work(stack: Stack, way: Callable[[Stack], None], delay: float) -> float:
    time.sleep(delay)
    eventually(lambda: a_job_is_running_for_the_first_time(stack), until=bool)
    killed_at = time.time()
    way(stack)
    return killed_at


def kill_again_and_again(stack: Stack, random: Random, before: int) -> list[float]:
    """Kill workers at work, each way as often as the others; give the times."""
    ways = [WAYS[n % len(WAYS)] for n in range(KILLS)]
    random.shuffle(ways)
    killed_at = []
    for number, way in enumerate(ways):
        # The last kill finds a quarter of the jobs still to be painted.
        until_finished(stack, before + JOBS * 3 * number // (4 * KILLS))
        killed_at.append(kill_at_work(stack, way, random.uniform(0, 1)))
    return killed_at


@dataclass(frozen=True)
class Bench:
    """Jobs of a stack whose workers die, and what is asked of them in the end."""

    stack: Stack
    client: GoodClient
    random: Random
    report: Callable[[Figures], None]

    def survive(self, run: str, requests: Sequence[Record]) -> list[Record]:
        """Kill workers while they paint all of these; give the jobs, which have succeeded."""
        before = finished(self.stack)
        ids = [self.client.submit(request, f"job-{n}") for n, request in enumerate(requests)]
        killed_at = kill_again_and_again(self.stack, self.random, before)
        jobs = [self.client.ended(job_id) for job_id in ids]
        painted = ended_by_worker(self.stack.log("worker"))
        double = sum(painted[job_id] > 1 for job_id in ids)
        self.report(Figures(run, jobs, KILLS, until_next_start(jobs, killed_at), double))
        assert [job["state"] for job in jobs] == ["succeeded"] * JOBS
        assert [outcomes(job).count("succeeded") for job in jobs] == [1] * JOBS
        assert double == 0
        return jobs


@pytest.fixture
def bench(
    stack: Stack, client: GoodClient, random: Random, report: Callable[[Figures], None]
) -> Bench:
    return Bench(stack, client, random, report)


@pytest.mark.timeout(sized(short=400, full=3600))
def test_every_job_survives_the_deaths_of_its_workers(bench: Bench, client: GoodClient) -> None:
    pictures = undisturbed(client)
    jobs = bench.survive("worker death", [REQUESTS[n % len(REQUESTS)] for n in range(JOBS)])
    for number, job in enumerate(jobs):
        assert client.image(job["id"]) == pictures[number % len(pictures)], job["id"]


@pytest.mark.timeout(sized(short=400, full=3600))
def test_every_job_of_a_batch_survives_the_deaths_of_its_workers(
    bench: Bench, stack: Stack, client: GoodClient
) -> None:
    stack.stop("worker")
    stack.settings["MAX_BATCH_SIZE"] = "4"
    stack.start("worker")
    jobs = bench.survive("batches", [{**REQUESTS[0], "seed": n} for n in range(JOBS)])
    assert len({client.image(job["id"]) for job in jobs}) == JOBS
    assert max(job["result"]["batch_size"] for job in jobs) > 1


@pytest.mark.timeout(300)
def test_another_worker_goes_on_when_the_lease_of_the_dead_one_has_run_out(
    stack: Stack, client: GoodClient
) -> None:
    job_id = client.submit(slow(steps=8), "left behind")
    client.running(job_id)
    stack.kill("worker")
    stack.settings["WORKER_NAME"] = "another"
    stack.start("worker")
    job = client.ended(job_id)
    assert (job["state"], outcomes(job)) == ("succeeded", ["queued", "succeeded"])
    workers = [attempt.worker.split("@")[0] for attempt in stack.store.get(job_id).attempts]
    assert workers == ["worker", "another"]
