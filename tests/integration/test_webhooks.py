"""Webhooks as their users get them: real processes, a real receiver, a library that is not ours."""

import signal
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import httpx
import pytest

from shared.public_address import is_public
from tests.support.quick_webhooks import LIMIT_SECONDS, TRIES
from tests.support.receiver import Receiver, Way, answers, drips_its_headers, hangs, redirects
from tests.support.scrape import Scrape
from tests.support.stack import Stack, eventually
from tests.support.webhooks import SECRET, verified

REQUEST: dict[str, object] = {
    "prompt": "a red circle on a blue background",
    "num_inference_steps": 5,
    "height": 256,
    "width": 256,
}

SILENCE = (None, f"no answer within {LIMIT_SECONDS:g} seconds")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = {
        "WEBHOOK_SECRET": SECRET,
        "WEBHOOK_ALLOW_HTTP": "true",
        "WEBHOOK_ALLOWED_HOSTS": "localhost",
    }
    folder = tmp_path_factory.mktemp("webhooks")
    with Stack(
        folder,
        settings,
        worker="tests.support.flat_worker",
        webhooks="tests.support.quick_webhooks",
    ) as stack:
        stack.start("redis", "worker", "webhooks", "api")
        stack.wait_until_ready()
        yield stack


def url_of(receiver: Receiver) -> str:
    """Give a receiver's URL by the name that is allowed."""
    return f"http://localhost:{receiver.port}/hook"


def paint(client: httpx.Client, url: str) -> str:
    """Submit a job with a webhook, which soon ends; give where it is to be found."""
    submitted = client.post("/jobs", json={**REQUEST, "webhook_url": url})
    assert submitted.status_code == 202, submitted.text
    return submitted.headers["location"]


def settled(client: httpx.Client, job_url: str) -> dict[str, Any]:
    """Give the job's webhook once it was delivered or given up."""

    def look() -> dict[str, Any]:
        webhook: dict[str, Any] = client.get(job_url).json()["webhook"]
        return webhook

    return eventually(look, until=lambda webhook: webhook["state"] != "waiting")


def counted(stack: Stack) -> tuple[float, float, float]:
    """Give how many tries were refused and taken so far, and how many webhooks delivered."""
    scrape = Scrape.from_urls(f"http://127.0.0.1:{stack.webhook_metrics_port}/metrics")
    refused, taken = (
        scrape.sum("semantic_bit_webhook_deliveries_total", outcome=outcome)
        for outcome in ("refused", "taken")
    )
    return refused, taken, scrape.sum("semantic_bit_webhooks_finished_total", state="delivered")


def errors(webhook: dict[str, Any]) -> list[tuple[int | None, str | None]]:
    return [(delivery["status"], delivery["error"]) for delivery in webhook["deliveries"]]


def name_of_a_private_address() -> str:
    """Give the name of this machine, which its own list of hosts mostly knows."""
    name = socket.gethostname()
    try:
        address = ip_address(socket.gethostbyname(name))
    except OSError:
        pytest.skip("this machine does not know its own name")
    if name == "localhost" or is_public(address):
        pytest.skip("this machine's own name leads to where webhooks may go")
    return name


class TestDelivered:
    def test_tells_of_a_picture_and_is_verified_by_an_independent_library(
        self, client: httpx.Client
    ) -> None:
        with Receiver() as receiver:
            job_url = paint(client, url_of(receiver))
            webhook = settled(client, job_url)
        (received,) = receiver.received
        message = verified(received)
        job = client.get(job_url).json()
        assert message["type"] == "job.succeeded"
        assert received.headers["webhook-id"] == f"msg_{job['id']}"
        same = {name: value for name, value in job.items() if name != "webhook"}
        assert {**message["data"], "webhook": None} == {**same, "webhook": None}
        assert client.get(message["data"]["urls"]["image"]).status_code == 200
        assert errors(webhook) == [(200, None)]

    def test_comes_once_and_after_the_end(self, client: httpx.Client) -> None:
        with Receiver() as receiver:
            job_url = paint(client, url_of(receiver))
            webhook = settled(client, job_url)
        job = client.get(job_url).json()
        assert len(receiver.received) == len(webhook["deliveries"]) == 1
        assert webhook["deliveries"][0]["at"] >= job["finished_at"]

    def test_is_what_a_second_try_does_after_an_error(self, client: httpx.Client) -> None:
        with Receiver(answers(500), answers(200)) as receiver:
            webhook = settled(client, paint(client, url_of(receiver)))
        first, second = receiver.received
        assert errors(webhook) == [(500, "answered 500"), (200, None)]
        assert verified(first) == verified(second)
        assert first.headers["webhook-id"] == second.headers["webhook-id"]

    def test_is_counted_try_by_try(self, client: httpx.Client, stack: Stack) -> None:
        with Receiver() as receiver:  # So that the one who delivers has started, and counts.
            settled(client, paint(client, url_of(receiver)))
        before = counted(stack)
        with Receiver(answers(500), answers(200)) as receiver:
            settled(client, paint(client, url_of(receiver)))

        def all_grown() -> bool:
            # By one at least: what was tried for other tests may be counted only now.
            return all(now > then for now, then in zip(counted(stack), before, strict=True))

        assert eventually(all_grown, until=bool)


class TestFailed:
    @pytest.mark.parametrize("way", [hangs, drips_its_headers])
    def test_is_what_never_answers_within_the_limit(self, client: httpx.Client, way: Way) -> None:
        with Receiver(way) as receiver:
            webhook = settled(client, paint(client, url_of(receiver)))
        assert webhook["state"] == "failed"
        assert errors(webhook) == [SILENCE] * TRIES

    def test_is_a_redirect_which_is_not_followed(self, client: httpx.Client) -> None:
        with Receiver() as target, Receiver(redirects(url_of(target))) as receiver:
            webhook = settled(client, paint(client, url_of(receiver)))
        assert target.received == []
        assert errors(webhook) == [(302, "answered 302, and redirects are not followed")] * TRIES

    def test_is_a_name_whose_address_is_not_allowed(self, client: httpx.Client) -> None:
        name = name_of_a_private_address()
        webhook = settled(client, paint(client, f"http://{name}/"))
        assert webhook["state"] == "failed"
        assert errors(webhook) == [(None, "address not allowed")] * TRIES

    def test_is_told_at_once_by_410(self, client: httpx.Client) -> None:
        with Receiver(answers(410)) as receiver:
            webhook = settled(client, paint(client, url_of(receiver)))
        assert (webhook["state"], errors(webhook)) == ("failed", [(410, "answered 410")])

    def test_hurts_no_job(self, client: httpx.Client) -> None:
        with Receiver(hangs) as receiver:
            request = {**REQUEST, "webhook_url": url_of(receiver)}
            urls = [client.post("/jobs", json=request).headers["location"] for _ in range(3)]
            ended = [client.get(url, params={"wait": 60}).json() for url in urls]
            images = [client.get(job["urls"]["image"]).status_code for job in ended]
        assert [job["state"] for job in ended] == ["succeeded"] * 3
        assert images == [200] * 3


class TestKilledWorker:
    def test_is_followed_by_the_same_message_again(
        self, stack: Stack, client: httpx.Client
    ) -> None:
        with Receiver(hangs, answers(200)) as receiver:
            job_url = paint(client, url_of(receiver))
            eventually(lambda: len(receiver.received), until=lambda count: count == 1)
            stack.kill("webhooks")
            stack.start("webhooks")
            webhook = settled(client, job_url)
        first, second = receiver.received
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert verified(first) == verified(second)
        assert errors(webhook) == [(200, None)]

    def test_makes_up_for_what_ended_while_it_was_away(
        self, stack: Stack, client: httpx.Client
    ) -> None:
        stack.kill("webhooks")
        with Receiver() as receiver:
            job_url = paint(client, url_of(receiver))
            stack.start("webhooks")
            assert settled(client, job_url)["state"] == "delivered"


class TestStop:
    def test_lets_what_is_under_way_end(self, stack: Stack, client: httpx.Client) -> None:
        with Receiver(hangs) as receiver:
            job_url = paint(client, url_of(receiver))
            eventually(lambda: len(receiver.received), until=lambda count: count == 1)
            stack.processes["webhooks"].send_signal(signal.SIGTERM)
            assert stack.processes["webhooks"].wait(timeout=20) == 0
            webhook = client.get(job_url).json()["webhook"]
        assert errors(webhook)[0] == SILENCE
        stack.start("webhooks")
