import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

import pytest
from fakeredis import FakeServer
from redis import Redis

from shared.job_parts import JobState
from shared.job_store import JobStore
from shared.webhook import Webhook, WebhookState
from shared.webhook_policy import AllowedHosts, WebhookPolicy
from tests.support.builders import TOKEN, WORKER, bring_to
from tests.support.receiver import Receiver, Way, answers, hangs_up
from tests.support.webhooks import OTHER_SECRET, SECRET, SECRET_BYTES, is_verified, verified
from tests.unit.failing_redis import FailingRedis
from worker.webhooks.courier import Courier
from worker.webhooks.delivery import Answer, Sender

POLICY = WebhookPolicy(enabled=True, allow_http=True, allowed_hosts=AllowedHosts.of("127.0.0.1"))
FINAL = [state for state in JobState if state.is_final]
AT_ONCE = (timedelta(),) * 2


@pytest.fixture
def store(fake_redis: Redis) -> JobStore:
    return JobStore(fake_redis, result_ttl=60, lease_seconds=15)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def courier(store: JobStore, *secrets: bytes, sender: Sender | None = None) -> Courier:
    return Courier(store, sender or Sender(POLICY), secrets or (SECRET_BYTES,), delays=AT_ONCE)


def webhook_of(store: JobStore, job_id: str = "a") -> Webhook:
    webhook = store.get(job_id).webhook
    assert webhook is not None
    return webhook


def deliver_with(store: JobStore, *ways: Way, times: int = 1) -> list[bytes]:
    """End a job and deliver as often; give the bodies that came."""
    with Receiver(*ways) as receiver:
        bring_to(store, JobState.FAILED, "a", webhook_url=receiver.url)
        for _ in range(times):
            courier(store).deliver("a")
    return [received.body for received in receiver.received]


class TestMessage:
    @pytest.mark.parametrize("state", FINAL)
    def test_tells_of_the_job_as_clients_see_it(
        self, store: JobStore, receiver: Receiver, state: JobState
    ) -> None:
        job = bring_to(store, state, "a", webhook_url=receiver.url)
        courier(store).deliver("a")
        (received,) = receiver.received
        message = verified(received)
        data = message["data"]
        assert received.headers["webhook-id"] == "msg_a"
        assert set(message) == {"type", "timestamp", "data"}
        assert (message["type"], message["timestamp"]) == (f"job.{state}", data["finished_at"])
        assert (data["id"], data["state"], data["request"]["prompt"]) == (
            "a",
            state,
            job.request.prompt,
        )
        assert (data["position"], data["eta_seconds"]) == (None, None)
        assert data["urls"]["image"] == "/jobs/a/image"
        assert [secret for secret in (TOKEN, WORKER) if secret in received.body.decode()] == []

    def test_is_signed_with_every_secret(self, store: JobStore, receiver: Receiver) -> None:
        bring_to(store, JobState.FAILED, "a", webhook_url=receiver.url)
        courier(store, SECRET_BYTES, bytes(32)).deliver("a")
        (received,) = receiver.received
        assert is_verified(received, SECRET)
        assert is_verified(received, OTHER_SECRET)

    def test_is_the_same_at_every_try(self, store: JobStore) -> None:
        first, second = deliver_with(store, answers(500), answers(200), times=2)
        assert first == second
        assert json.loads(first)["data"]["webhook"]["deliveries"] == []


class TestDeliver:
    def test_is_written_in_the_record(self, store: JobStore) -> None:
        before = store.now()
        deliver_with(store, answers(204, b""))
        webhook = webhook_of(store)
        (delivery,) = webhook.deliveries
        assert (webhook.state, webhook.next_at) == (WebhookState.DELIVERED, None)
        assert (delivery.status, delivery.error) == (204, None)
        assert before <= delivery.at <= store.now()

    def test_is_tried_again_after_a_failure(self, store: JobStore) -> None:
        bodies = deliver_with(store, answers(500), hangs_up, answers(200), times=3)
        webhook = webhook_of(store)
        assert len(bodies) == 3
        assert webhook.state is WebhookState.DELIVERED
        assert [(delivery.status, delivery.error) for delivery in webhook.deliveries] == [
            (500, "answered 500"),
            (None, "no valid HTTP answer"),
            (200, None),
        ]

    def test_is_given_up_after_the_last_try(self, store: JobStore) -> None:
        bodies = deliver_with(store, answers(500), times=5)
        assert len(bodies) == len(AT_ONCE) + 1
        assert webhook_of(store).state is WebhookState.FAILED

    @pytest.mark.parametrize("status", [200, 410])
    def test_is_not_repeated_after_the_receiver_has_settled_it(
        self, store: JobStore, status: int
    ) -> None:
        assert len(deliver_with(store, answers(status), times=3)) == 1

    @pytest.mark.parametrize("state", [state for state in JobState if not state.is_final])
    def test_waits_for_the_end_of_the_job(
        self, store: JobStore, receiver: Receiver, state: JobState
    ) -> None:
        job = bring_to(store, state, "a", webhook_url=receiver.url)
        courier(store).deliver("a")
        assert receiver.received == []
        assert store.get("a") == job

    def test_is_nothing_for_a_job_without_a_webhook(self, store: JobStore) -> None:
        job = bring_to(store, JobState.FAILED, "a")
        courier(store).deliver("a")
        assert store.get("a") == job

    @pytest.mark.parametrize("state", FINAL)
    def test_of_a_broken_receiver_changes_nothing_else_of_the_job(
        self, store: JobStore, state: JobState
    ) -> None:
        with Receiver(hangs_up) as receiver:
            job = bring_to(store, state, "a", webhook_url=receiver.url)
            courier(store).deliver("a")
        assert store.get("a").model_copy(update={"webhook": job.webhook}) == job


class SendsWhileSomethingHappens(Sender):
    """Answers yes, but not before something has happened."""

    def __init__(self, happening: Callable[[], object]) -> None:
        super().__init__(POLICY)
        self.sent = 0
        self._happening = happening

    def send(
        self,
        url: str,  # noqa: ARG002  # The sender's.
        content: bytes,  # noqa: ARG002
        headers: Mapping[str, str],  # noqa: ARG002
    ) -> Answer:
        self.sent += 1
        self._happening()
        return Answer(200)


class TestSecondMessage:
    def test_finds_a_delivery_that_is_under_way(self, store: JobStore) -> None:
        bring_to(store, JobState.FAILED, "a", webhook_url="http://127.0.0.1/")
        sender = SendsWhileSomethingHappens(lambda: courier(store, sender=sender).deliver("a"))
        courier(store, sender=sender).deliver("a")
        assert sender.sent == 1

    def test_repeats_a_delivery_that_nobody_has_heard_of_again(self, store: JobStore) -> None:
        bring_to(store, JobState.FAILED, "a", webhook_url="http://127.0.0.1/")
        sender = SendsWhileSomethingHappens(lambda: None)
        store.update("a", lambda job, now: job.start_delivery(timedelta(), now))
        courier(store, sender=sender).deliver("a")
        assert sender.sent == 1
        assert webhook_of(store).state is WebhookState.DELIVERED


class TestVanishedRecord:
    @pytest.mark.parametrize("keys", [["job:a"], ["job:a", "ended:a"]])
    def test_is_forgotten(self, store: JobStore, fake_redis: Redis, keys: list[str]) -> None:
        bring_to(store, JobState.FAILED, "a", webhook_url="http://127.0.0.1/")
        fake_redis.delete(*[f"semantic-bit:{key}" for key in keys])
        courier(store).deliver("a")
        assert fake_redis.zcard("semantic-bit:deliveries") == 0

    def test_is_forgotten_when_that_happens_during_the_delivery(
        self, store: JobStore, fake_redis: Redis
    ) -> None:
        bring_to(store, JobState.FAILED, "a", webhook_url="http://127.0.0.1/")
        sender = SendsWhileSomethingHappens(lambda: fake_redis.delete("semantic-bit:job:a"))
        courier(store, sender=sender).deliver("a")
        assert fake_redis.zcard("semantic-bit:deliveries") == 0
        assert not fake_redis.exists("semantic-bit:job:a")


class TestRedisOutage:
    def test_after_the_delivery_does_not_repeat_it(self) -> None:
        redis = FailingRedis(server=FakeServer())
        store = JobStore(redis, result_ttl=60, lease_seconds=15)
        bring_to(store, JobState.FAILED, "a", webhook_url="http://127.0.0.1/")

        def break_redis() -> None:
            redis.failures = 3

        sender = SendsWhileSomethingHappens(break_redis)
        courier(store, sender=sender).deliver("a")
        assert (redis.failures, sender.sent) == (0, 1)
        assert webhook_of(store).state is WebhookState.DELIVERED
