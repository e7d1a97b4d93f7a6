"""Clients that leave, come back, and change their minds."""

from collections.abc import Iterator
from contextlib import closing
from random import Random

import httpx
import pytest

from shared.keys import PREFIX
from tests.chaos.bench import (
    ONE_THREAD,
    REQUESTS,
    GoodClient,
    LeavingClient,
    outcomes,
    sized,
    slow,
)
from tests.support.stack import Stack, eventually

pytestmark = pytest.mark.timeout(sized(short=300, full=1200))

CANCELS = sized(short=10, full=100)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("clients")
    with Stack(folder, {**ONE_THREAD}, worker="tests.support.poisoned_worker") as stack:
        stack.start("redis", "worker", "api")
        stack.wait_until_ready()
        yield stack


def running_job(stack: Stack, client: GoodClient) -> str:
    """The one job that runs, once it has done a step."""
    (job_id,) = eventually(stack.store.held_ids, until=lambda held: len(held) == 1)
    client.running(job_id)
    return job_id


def audience_of(stack: Stack, job_id: str) -> int:
    return int(stack.redis.get(f"{PREFIX}audience:{job_id}") or 0)


class TestLeaving:
    def test_cancels_the_job_at_its_next_step(self, stack: Stack, client: GoodClient) -> None:
        with closing(LeavingClient(stack, slow())):
            job_id = running_job(stack, client)
        job = client.ended(job_id)
        assert (job["state"], outcomes(job)) == ("canceled", ["canceled"])
        assert job["cancellation"]["reason"] == "client_disconnected"
        assert job["progress"]["step"] < job["progress"]["total"]

    def test_cancels_a_job_that_still_waits(self, stack: Stack, client: GoodClient) -> None:
        ahead = client.submit(slow(), "ahead of the one that leaves")
        client.running(ahead)
        with closing(LeavingClient(stack, REQUESTS[0])):
            (job_id,) = eventually(stack.store.queued_ids, until=lambda ids: len(ids) == 1)
        job = client.ended(job_id)
        assert (job["state"], job["attempts"]) == ("canceled", [])
        assert client.job(ahead)["state"] == "running"
        client.cancel(ahead)
        client.ended(ahead)

    def test_keeps_the_job_where_the_client_said_so(self, stack: Stack, client: GoodClient) -> None:
        keep = {"X-On-Disconnect": "keep"}
        with closing(LeavingClient(stack, slow(steps=8), **keep)):
            job_id = running_job(stack, client)
        assert outcomes(client.ended(job_id)) == ["succeeded"]

    def test_of_two_clients_with_one_key_cancels_with_the_last(
        self, stack: Stack, client: GoodClient
    ) -> None:
        key = {"Idempotency-Key": "two wait"}
        with closing(LeavingClient(stack, slow(), **key)):
            with closing(LeavingClient(stack, slow(), **key)):
                job_id = running_job(stack, client)
                eventually(lambda: audience_of(stack, job_id), until=lambda count: count == 2)
            eventually(lambda: audience_of(stack, job_id), until=lambda count: count == 1)
            step = client.job(job_id)["progress"]["step"]
            client.running(job_id, step=step + 3)
        job = client.ended(job_id)
        assert (job["state"], audience_of(stack, job_id)) == ("canceled", 0)

    def test_and_coming_back_with_the_key_gives_the_very_picture(
        self, stack: Stack, client: GoodClient
    ) -> None:
        unseeded = {**slow(steps=12)}
        del unseeded["seed"]
        with closing(LeavingClient(stack, unseeded, **{"Idempotency-Key": "comes back"})):
            job_id = running_job(stack, client)
        left = client.ended(job_id)
        assert left["state"] == "canceled"
        picture = client.paint(unseeded, "comes back")
        seed = left["request"]["seed"]
        assert picture.headers["X-Seed"] == str(seed)
        assert picture.headers["X-Job-Id"] != left["id"]
        assert picture.content == client.paint({**unseeded, "seed": seed}, "undisturbed").content

    def test_never_touches_a_submitted_job(self, stack: Stack, client: GoodClient) -> None:
        job_id = client.submit(slow(steps=12), "submitted")
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{stack.url}/jobs/{job_id}", params={"wait": 60}, timeout=1)
        assert outcomes(client.ended(job_id)) == ["succeeded"]

    def test_never_touches_a_submitted_job_that_a_blocking_call_has_joined(
        self, stack: Stack, client: GoodClient
    ) -> None:
        request, key = slow(steps=12), "submitted and joined"
        job_id = client.submit(request, key)
        before = audience_of(stack, job_id)
        with closing(LeavingClient(stack, request, **{"Idempotency-Key": key})):
            client.running(job_id)
            eventually(lambda: audience_of(stack, job_id), until=lambda count: count > before)
        assert outcomes(client.ended(job_id)) == ["succeeded"]


class TestCanceling:
    def test_gives_a_receipt_with_step_reason_and_seconds(self, client: GoodClient) -> None:
        job_id = client.submit(slow(), "receipt")
        client.running(job_id, step=3)
        asked = client.cancel(job_id)
        assert asked["state"] == "canceling"
        receipt = client.ended(job_id)["cancellation"]
        assert receipt.pop("requested_at") == asked["cancellation"]["requested_at"]
        assert receipt.pop("step") in range(3, 60)
        assert receipt.pop("worker_seconds") > 0
        assert receipt == {"reason": "requested"}

    def test_often_changes_no_later_picture(self, client: GoodClient, random: Random) -> None:
        before = [
            client.paint(request, f"before {n}").content for n, request in enumerate(REQUESTS)
        ]
        for number in range(CANCELS):
            request = {**slow(), "scheduler": REQUESTS[number % 2]["scheduler"]}
            job_id = client.submit(request, f"canceled {number}")
            client.running(job_id, step=random.randint(1, 4))
            client.cancel(job_id)
            assert client.ended(job_id)["state"] == "canceled"
        after = [client.paint(request, f"after {n}").content for n, request in enumerate(REQUESTS)]
        assert after == before
