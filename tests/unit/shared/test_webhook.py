from datetime import timedelta

import pytest

from shared.settings import Settings
from shared.webhook import DELAYS, Delivery, Webhook, WebhookState
from tests.support.builders import LATER, NOW

URL = "https://receiver.example/hook"
WAITING = Webhook(url=URL).wait_until(NOW)
YES = Delivery(at=NOW, status=204)
NO = Delivery(at=NOW, status=503, error="answered 503")
SILENCE = Delivery(at=NOW, error="connection failed")
GONE = Delivery(at=NOW, status=410, error="answered 410")


def recorded(*deliveries: Delivery, webhook: Webhook = WAITING) -> Webhook:
    for delivery in deliveries:
        webhook = webhook.record(delivery, LATER)
    return webhook


class TestSuccess:
    @pytest.mark.parametrize("status", [200, 202, 204, 299])
    def test_settles_the_matter(self, status: int) -> None:
        delivery = Delivery(at=NOW, status=status)
        assert recorded(delivery) == Webhook(
            url=URL, state=WebhookState.DELIVERED, deliveries=(delivery,), next_at=None
        )

    @pytest.mark.parametrize("status", [101, 199, 300, 302, 404, 429, 500, None])
    def test_is_nothing_else(self, status: int | None) -> None:
        webhook = recorded(Delivery(at=NOW, status=status))
        assert (webhook.state, webhook.next_at) == (WebhookState.WAITING, LATER + DELAYS[0])

    def test_may_come_after_failures(self) -> None:
        webhook = recorded(NO, SILENCE, YES)
        assert webhook.state is WebhookState.DELIVERED
        assert webhook.deliveries == (NO, SILENCE, YES)


class TestFailure:
    def test_is_followed_by_tries_that_come_less_and_less_often(self) -> None:
        webhook = WAITING
        waits = []
        while webhook.next_at is not None:
            webhook = webhook.record(NO, NOW)
            waits.append(webhook.next_at and (webhook.next_at - NOW).total_seconds())
        assert waits == [5, 30, 120, 600, 1800, None]
        assert (webhook.state, len(webhook.deliveries)) == (WebhookState.FAILED, 6)

    def test_of_every_try_is_known_before_the_record_expires(self) -> None:
        tries = timedelta(seconds=10) * (len(DELAYS) + 1)
        ttl = timedelta(seconds=Settings.model_fields["result_ttl"].default)
        assert sum(DELAYS, tries) < ttl

    def test_with_410_is_the_last(self) -> None:
        webhook = recorded(NO, GONE)
        assert (webhook.state, webhook.next_at) == (WebhookState.FAILED, None)


class TestOverlappingTries:
    def test_that_fail_after_a_success_undo_nothing(self) -> None:
        webhook = recorded(YES, SILENCE)
        assert (webhook.state, webhook.next_at) == (WebhookState.DELIVERED, None)
        assert webhook.deliveries == (YES, SILENCE)

    def test_that_succeed_after_the_last_failure_are_a_success(self) -> None:
        assert recorded(GONE, YES).state is WebhookState.DELIVERED

    def test_that_fail_after_the_last_failure_are_the_end_too(self) -> None:
        webhook = recorded(GONE, SILENCE)
        assert (webhook.state, webhook.next_at) == (WebhookState.FAILED, None)
