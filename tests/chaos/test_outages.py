"""Redis that freezes, is full, or may only be read."""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from uuid import uuid4

import httpx
import pytest
from redis import Redis

from shared.job_store import IdempotencyClaim
from shared.keys import PREFIX
from tests.chaos.bench import (
    BOUND_SECONDS,
    ONE_THREAD,
    REQUESTS,
    GoodClient,
    outcomes,
    slow,
    together,
)
from tests.support.stack import Stack, eventually

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("outages")
    settings = {"LEASE_SECONDS": "4", **ONE_THREAD}
    with Stack(folder, settings, worker="tests.support.poisoned_worker") as stack:
        stack.start("redis", "worker", "api")
        stack.wait_until_ready()
        yield stack


@pytest.fixture
def client(stack: Stack) -> Iterator[GoodClient]:
    # An outage may last as long as the worker's last sign of life counts.
    eventually(lambda: heartbeat_seconds(stack), until=lambda left: left > 12)
    stack.wait_until_ready()
    with GoodClient(stack.url) as client:
        yield client


def heartbeat_seconds(stack: Stack) -> float:
    (worker,) = stack.redis.keys(f"{PREFIX}worker:*") or [b""]
    return stack.redis.pttl(worker) / 1000


@contextmanager
def frozen(stack: Stack) -> Iterator[None]:
    redis = stack.processes["redis"]
    redis.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        redis.send_signal(signal.SIGCONT)


@contextmanager
def full(stack: Stack) -> Iterator[None]:
    stack.redis.config_set("maxmemory", "1mb")
    try:
        yield
    finally:
        stack.redis.config_set("maxmemory", "0")


@contextmanager
def read_only(stack: Stack) -> Iterator[None]:
    stack.redis.replicaof("127.0.0.1", "1")  # Where nobody is.
    try:
        yield
    finally:
        stack.redis.replicaof("NO", "ONE")


@contextmanager
def without_messages(stack: Stack) -> Iterator[None]:
    stack.redis.acl_setuser("default", enabled=True, commands=["-lpush"])
    try:
        yield
    finally:
        stack.redis.acl_setuser("default", enabled=True, commands=["+lpush"])


def send(stack: Stack, method: str, path: str, key: str | None = None) -> httpx.Response:
    """Send a request that is answered within the bound, or fail."""
    return httpx.request(
        method,
        stack.url + path,
        json=REQUESTS[0] if method == "POST" else None,
        headers={"Idempotency-Key": key} if key else {},
        timeout=BOUND_SECONDS,
    )


def check_refusal(answer: httpx.Response) -> None:
    assert answer.json() == {
        "error": "BrokerUnavailable",
        "code": 503,
        "detail": "The job queue is not reachable; try again in a moment.",
        "meta": None,
    }
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


def claims(redis: Redis) -> list[IdempotencyClaim]:
    kept = redis.mget(redis.keys(f"{PREFIX}idempotency:*"))
    return [IdempotencyClaim.model_validate_json(claim) for claim in kept if claim]


def check_nothing_is_half_done(stack: Stack) -> None:
    waiting = stack.store.queued_ids() + stack.store.held_ids()
    led_to = [claim.job_id for claim in claims(stack.redis)]
    assert None not in stack.store.get_many(waiting + led_to)


class TestFrozenRedis:
    def test_is_told_to_clients_in_time_and_over_once_it_answers(
        self, stack: Stack, client: GoodClient
    ) -> None:
        job_id = client.submit(REQUESTS[0], "before the frost")
        with frozen(stack):
            for _ in range(3):
                check_refusal(send(stack, "POST", "/jobs"))
                check_refusal(send(stack, "POST", "/generate"))
                check_refusal(send(stack, "GET", f"/jobs/{job_id}"))
                assert send(stack, "GET", "/livez").json() == {"status": "alive"}
                health = send(stack, "GET", "/health")
                assert (health.status_code, health.json()["status"]) == (200, "degraded")
                assert health.json()["reason"] == "Redis does not answer"
        assert client.ended(job_id)["state"] == "succeeded"
        assert client.ended(client.submit(REQUESTS[0], "thawed"))["state"] == "succeeded"
        assert client.paint(REQUESTS[0], "thawed too").is_success
        check_nothing_is_half_done(stack)

    @pytest.mark.usefixtures("client")
    def test_refuses_many_clients_at_once_in_time(self, stack: Stack) -> None:
        with frozen(stack):
            crowd = together([lambda: send(stack, "POST", "/jobs")] * 60)
            assert send(stack, "GET", "/livez").is_success
            answers = [call.result() for call in crowd]
        for answer in answers:
            check_refusal(answer)

    def test_does_not_end_a_blocking_call_that_waits(
        self, stack: Stack, client: GoodClient
    ) -> None:
        url, body = f"{stack.url}/generate", slow(steps=8)
        (call,) = together([lambda: client.http.post(url, json=body)])
        (job_id,) = eventually(stack.store.held_ids, until=lambda held: len(held) == 1)
        client.running(job_id)
        with frozen(stack):
            for _ in range(3):
                check_refusal(send(stack, "POST", "/jobs"))
        answer = call.result()
        assert (answer.status_code, answer.headers["X-Job-Id"]) == (200, job_id)

    def test_does_not_cost_a_running_job_its_attempt(
        self, stack: Stack, client: GoodClient
    ) -> None:
        job_id = client.submit(slow(steps=20), "in the frost")
        client.running(job_id)
        with frozen(stack):
            for _ in range(3):
                check_refusal(send(stack, "GET", f"/jobs/{job_id}"))
        assert outcomes(client.ended(job_id)) == ["succeeded"]


@pytest.mark.parametrize("broken", [full, read_only])
class TestRedisThatRefusesToWrite:
    def test_is_told_to_clients_and_leaves_nothing_half_done(
        self,
        stack: Stack,
        client: GoodClient,
        broken: Callable[[Stack], AbstractContextManager[None]],
    ) -> None:
        key = str(uuid4())
        before = (stack.store.count(), len(claims(stack.redis)))
        with broken(stack):
            check_refusal(send(stack, "POST", "/jobs", key))
            check_refusal(send(stack, "POST", "/generate", key))
            assert send(stack, "GET", "/health").status_code == 200
            assert send(stack, "GET", "/livez").status_code == 200
            assert (stack.store.count(), len(claims(stack.redis))) == before
        job_id = client.submit(REQUESTS[0], key)
        assert outcomes(client.ended(job_id)) == ["succeeded"]
        assert client.paint(REQUESTS[0], key).headers["X-Job-Id"] == job_id
        check_nothing_is_half_done(stack)

    def test_does_not_cost_a_running_job_its_picture(
        self,
        stack: Stack,
        client: GoodClient,
        broken: Callable[[Stack], AbstractContextManager[None]],
    ) -> None:
        job_id = client.submit(slow(steps=8), str(uuid4()))
        client.running(job_id)
        complaints = stack.log("worker").read_text().count("redis did not answer, trying again")
        with broken(stack):
            eventually(
                lambda: stack.log("worker").read_text().count("redis did not answer, trying again"),
                until=lambda count: count > complaints,
            )
            check_refusal(send(stack, "POST", "/jobs"))
        assert client.ended(job_id)["state"] == "succeeded"
        assert len(client.image(job_id)) == client.job(job_id)["result"]["image_bytes"]


def test_a_job_whose_message_is_refused_is_painted_when_messages_are_taken_again(
    stack: Stack, client: GoodClient
) -> None:
    with without_messages(stack):
        job_id = client.submit(REQUESTS[0], "no message")
        assert client.job(job_id)["state"] == "queued"
    assert outcomes(client.ended(job_id)) == ["succeeded"]
