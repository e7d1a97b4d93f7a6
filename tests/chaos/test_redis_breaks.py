"""Redis that is killed and comes back, and connections to it that break."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import httpx
import pytest

from tests.chaos.bench import (
    BOUND_SECONDS,
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
    until_next_start,
)
from tests.support.proxy import Proxy
from tests.support.stack import Stack

JOBS = sized(short=20, full=100)
RESTARTS = sized(short=2, full=5)
CUTS = sized(short=2, full=5)
LEASE_SECONDS = 4


@pytest.fixture
def proxy_and_stack(tmp_path: Path) -> Iterator[tuple[Proxy, Stack]]:
    settings = {"LEASE_SECONDS": str(LEASE_SECONDS), "MAX_CONCURRENT_REQUESTS": "500"}
    with Stack(tmp_path, {**settings, **ONE_THREAD}) as stack:
        port = urlsplit(stack.redis_url).port
        assert port is not None
        with Proxy(port) as proxy:
            stack.redis_url = stack.redis_url.replace(f":{port}/", f":{proxy.port}/")
            stack.start("redis", "worker", "api")
            stack.wait_until_ready()
            yield proxy, stack
            stack.close()


def refuses(stack: Stack, job_id: str) -> None:
    """See that every door that needs Redis says so, in time."""
    calls = (
        ("POST", "/jobs", REQUESTS[0]),
        ("POST", "/generate", REQUESTS[0]),
        ("GET", f"/jobs/{job_id}", None),
        ("GET", f"/jobs/{job_id}/image", None),
        ("DELETE", f"/jobs/{job_id}", None),
    )
    for method, path, body in calls:
        answer = httpx.request(method, stack.url + path, json=body, timeout=BOUND_SECONDS)
        seen = (answer.status_code, answer.json()["error"], answer.headers["Retry-After"])
        assert seen == (503, "BrokerUnavailable", "2"), (method, path)


def restart(stack: Stack, job_id: str, away_seconds: float) -> None:
    stack.kill("redis")
    back_at = time.monotonic() + away_seconds
    refuses(stack, job_id)
    while time.monotonic() < back_at:
        refuses(stack, job_id)
    stack.start("redis")
    stack.wait_for_redis()


def cut(proxy: Proxy, way: str, stalled_seconds: float) -> None:
    proxy.stall()
    time.sleep(stalled_seconds)
    proxy.reset() if way == "reset" else proxy.drop()
    proxy.forward()


@pytest.mark.timeout(sized(short=400, full=3600))
def test_every_job_survives_a_redis_that_dies_and_connections_that_break(
    proxy_and_stack: tuple[Proxy, Stack], random: Random, report: Callable[[Figures], None]
) -> None:
    proxy, stack = proxy_and_stack
    with GoodClient(stack.url) as client:
        pictures = undisturbed(client)
        ended, kept = finished(stack), records(stack)
        known = client.submit(REQUESTS[0], "undisturbed-0")

        # Longer than the lease, and shorter.
        aways = [(LEASE_SECONDS + 2, 0.2)[number % 2] for number in range(RESTARTS)]
        cuts = [("reset", "drop")[number % 2] for number in range(CUTS)]
        faults = [
            *(partial(restart, stack, known, away) for away in aways),
            *(partial(cut, proxy, way, random.uniform(0, 2)) for way in cuts),
        ]
        random.shuffle(faults)
        requests = [REQUESTS[number % len(REQUESTS)] for number in range(JOBS)]
        calls = [partial(client.submit, each, f"job-{n}") for n, each in enumerate(requests)]
        submitting = together(calls)
        faulted_at = []
        for number, fault in enumerate(faults):
            until_finished(stack, ended + JOBS * 3 * number // (4 * len(faults)))
            time.sleep(random.uniform(0, 1))
            fault()
            faulted_at.append(time.time())  # From when Redis is there again.

        ids = [future.result() for future in submitting]
        jobs = [client.ended(job_id) for job_id in ids]
        painted = ended_by_worker(stack.log("worker"))
        double = sum(painted[job_id] > 1 for job_id in ids)
        recoveries = until_next_start(jobs, faulted_at)
        report(Figures("Redis breaks", jobs, len(faults), recoveries, double))
        assert [job["state"] for job in jobs] == ["succeeded"] * JOBS
        assert [outcomes(job).count("succeeded") for job in jobs] == [1] * JOBS
        assert double == 0
        assert records(stack) == kept + JOBS
        assert len(set(ids)) == JOBS
        for number, job_id in enumerate(ids):
            assert client.image(job_id) == pictures[number % len(pictures)], job_id
