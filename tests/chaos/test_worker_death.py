"""Workers that are killed while they paint."""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
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


def ended_twice(stack: Stack, ids: Iterable[str]) -> int:
    painted = ended_by_worker(stack.log("worker"))
    return sum(painted[job_id] > 1 for job_id in ids)


def all_succeeded_once(jobs: Iterable[Record]) -> bool:
    return all(
        job["state"] == "succeeded" and outcomes(job).count("succeeded") == 1 for job in jobs
    )


@pytest.mark.timeout(sized(short=400, full=3600))
def test_every_job_survives_the_deaths_of_its_workers(
    stack: Stack, client: GoodClient, random: Random, report: Callable[[Figures], None]
) -> None:
    pictures = undisturbed(client)
    before = finished(stack)
    ids = [client.submit(REQUESTS[n % len(REQUESTS)], f"job-{n}") for n in range(JOBS)]
    killed_at = kill_again_and_again(stack, random, before)
    jobs = [client.ended(job_id) for job_id in ids]
    double = ended_twice(stack, ids)
    report(Figures("worker death", jobs, KILLS, until_next_start(jobs, killed_at), double))
    assert all_succeeded_once(jobs)
    assert double == 0
    for number, job_id in enumerate(ids):
        assert client.image(job_id) == pictures[number % len(pictures)], job_id


@pytest.mark.timeout(sized(short=400, full=3600))
def test_every_job_of_a_batch_survives_the_deaths_of_its_workers(
    stack: Stack, client: GoodClient, random: Random, report: Callable[[Figures], None]
) -> None:
    stack.stop("worker")
    stack.settings["MAX_BATCH_SIZE"] = "4"
    stack.start("worker")
    before = finished(stack)
    ids = [client.submit({**REQUESTS[0], "seed": n}, f"beside-{n}") for n in range(JOBS)]
    killed_at = kill_again_and_again(stack, random, before)
    jobs = [client.ended(job_id) for job_id in ids]
    double = ended_twice(stack, ids)
    report(Figures("batches", jobs, KILLS, until_next_start(jobs, killed_at), double))
    assert all_succeeded_once(jobs)
    assert double == 0
    assert len({client.image(job_id) for job_id in ids}) == JOBS
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
