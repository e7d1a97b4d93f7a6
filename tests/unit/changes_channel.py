"""Listening to the channel of changes without waiting for what does not come."""

from collections.abc import Callable

from redis import Redis
from redis.client import PubSub

from shared.keys import CHANGES_CHANNEL


def listen_to_changes(redis: Redis) -> Callable[[], list[str]]:
    """Give what the channel has said since the last look, from now on."""
    subscription = redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    subscription.subscribe(CHANGES_CHANNEL)
    assert subscription.get_message(timeout=5) is None  # The subscription itself.
    return lambda: _drain(subscription, redis)


def _drain(subscription: PubSub, redis: Redis) -> list[str]:
    redis.publish(CHANGES_CHANNEL, "the end")
    said: list[str] = []
    while not said or said[-1] != "the end":
        message = subscription.get_message(timeout=5)
        assert message is not None, f"the channel fell silent after {said}"
        said.append(message["data"].decode())
    return said[:-1]
