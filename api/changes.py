"""What changes in Redis, heard over one subscription for the whole process."""

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Protocol

from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from api.async_redis import connect_async
from shared.keys import CHANGES_CHANNEL, ENDS_CHANNEL
from shared.log import get_logger
from shared.redis_client import CONNECT_TIMEOUT_SECONDS

_log = get_logger(__name__)

_RECONNECT_SECONDS = 0.5


class Listener(Protocol):
    """Somebody who wants to know."""

    def changed(self, job_id: str, word: str) -> None:
        """Hear that a job has come into the state `word`, or that it has a `preview`."""
        ...

    def ended(self, job_id: str, record: str) -> None:
        """Hear that a job has ended, with its record as JSON; `changed` comes as well."""
        ...

    async def sweep(self) -> None:
        """Look for yourself: a message may have been lost."""
        ...


class Changes:
    """Passes every message on; a message is only a hint.

    At every (re)subscription and every few seconds the listeners look for themselves.
    """

    def __init__(
        self, redis_url: str, listeners: Sequence[Listener], *, sweep_seconds: float = 5.0
    ) -> None:
        self._redis_url = redis_url
        self._listeners = listeners
        self._sweep_seconds = sweep_seconds

    async def run(self) -> None:
        """Listen until canceled, over as many connections as Redis makes necessary."""
        redis = connect_async(self._redis_url, connect_timeout_seconds=CONNECT_TIMEOUT_SECONDS)
        async with redis:
            while True:
                try:
                    async with redis.pubsub(ignore_subscribe_messages=True) as subscription:
                        await subscription.subscribe(CHANGES_CHANNEL, ENDS_CHANNEL)
                        await self._listen(subscription)
                except (RedisError, OSError) as error:
                    _log.warning("subscription lost", reason=type(error).__name__)
                except Exception:  # noqa: BLE001  # Nothing may end all waiting.
                    _log.exception("subscription lost")
                await asyncio.sleep(_RECONNECT_SECONDS)

    async def _listen(self, subscription: PubSub) -> None:
        swept = float("-inf")
        while True:
            if monotonic() - swept > self._sweep_seconds:
                for listener in self._listeners:
                    await listener.sweep()
                swept = monotonic()
            message = await subscription.get_message(timeout=self._sweep_seconds)
            if message is not None:
                self._tell(message["channel"].decode(), message["data"].decode(errors="replace"))

    def _tell(self, channel: str, message: str) -> None:
        job_id, _, rest = message.partition(" ")
        for listener in self._listeners:
            if channel == ENDS_CHANNEL:
                listener.ended(job_id, rest)
            else:
                listener.changed(job_id, rest)
