"""A job that kills whoever paints it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.bench import ONE_THREAD, REQUESTS, Figures, GoodClient, outcomes, sized
from tests.support.poisoned_worker import POISON
from tests.support.stack import Stack

GOOD = sized(short=5, full=20)


@pytest.mark.timeout(400)
def test_a_poisoned_job_fails_as_worker_lost_and_takes_no_other_with_it(
    tmp_path: Path, report: Callable[[Figures], None]
) -> None:
    with (
        Stack(tmp_path, {**ONE_THREAD}, worker="tests.support.poisoned_worker") as stack,
        GoodClient(stack.url) as client,
    ):
        stack.start("redis", "worker", "api")
        stack.wait_until_ready()
        requests = [REQUESTS[number % len(REQUESTS)] for number in range(GOOD)]
        requests.insert(GOOD // 2, {**REQUESTS[0], "prompt": POISON})
        ids = [client.submit(request, f"job-{n}") for n, request in enumerate(requests)]
        jobs = [client.ended(job_id) for job_id in ids]
        report(Figures("poison (1 job is meant to fail)", jobs, faults=3))

        poisoned = jobs.pop(GOOD // 2)
        assert poisoned["state"] == "failed"
        assert poisoned["error"] == {
            "type": "worker_lost",
            "detail": "The worker was lost 3 times while it painted this picture.",
        }
        assert outcomes(poisoned) == ["queued", "queued", "failed"]
        assert all(attempt["ended_at"] for attempt in poisoned["attempts"])
        answer = client.http.get(f"{stack.url}/jobs/{poisoned['id']}/image")
        assert (answer.status_code, answer.json()["meta"]["type"]) == (500, "worker_lost")
        assert [(job["state"], job["attempt"]) for job in jobs] == [("succeeded", 1)] * GOOD
