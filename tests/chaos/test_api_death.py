"""An API that is killed while clients wait for their pictures."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.chaos.bench import (
    ONE_THREAD,
    REQUESTS,
    Figures,
    GoodClient,
    ended_by_worker,
    finished,
    outcomes,
    records,
    sized,
    together,
    undisturbed,
    until_finished,
)
from tests.support.stack import Stack, eventually

CLIENTS = sized(short=10, full=50)
KILLS = sized(short=2, full=5)


@pytest.mark.timeout(sized(short=300, full=1800))
def test_every_blocking_client_gets_its_picture_from_one_job(
    tmp_path: Path, random: Random, report: Callable[[Figures], None]
) -> None:
    with Stack(tmp_path, {**ONE_THREAD}) as stack, GoodClient(stack.url) as client:
        stack.start("redis", "worker", "api")
        stack.wait_until_ready()
        pictures = undisturbed(client)
        ended, kept = finished(stack), records(stack)

        requests = [REQUESTS[number % len(REQUESTS)] for number in range(CLIENTS)]
        calls = [partial(client.paint, each, f"client-{n}") for n, each in enumerate(requests)]
        waiting = together(calls)
        eventually(lambda: records(stack), until=lambda count: count > kept + CLIENTS // 2)
        recoveries = []
        for number in range(KILLS):
            until_finished(stack, ended + CLIENTS * number // (2 * KILLS))
            time.sleep(random.uniform(0, 1))
            killed_at = time.monotonic()
            stack.kill("api")
            stack.start("api")  # As the supervisor does.
            stack.wait_until_ready()
            recoveries.append(time.monotonic() - killed_at)

        answers = [future.result() for future in waiting]
        jobs = [client.job(answer.headers["X-Job-Id"]) for answer in answers]
        painted = ended_by_worker(stack.log("worker"))
        double = sum(painted[job["id"]] > 1 for job in jobs)
        report(Figures("API death", jobs, KILLS, recoveries, double))
        for number, answer in enumerate(answers):
            assert answer.content == pictures[number % len(pictures)]
        assert records(stack) == kept + CLIENTS
        assert len({job["id"] for job in jobs}) == CLIENTS
        assert [outcomes(job) for job in jobs] == [["succeeded"]] * CLIENTS
        assert double == 0
