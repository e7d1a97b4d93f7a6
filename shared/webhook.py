"""A client's wish to be told of a job's end, and what became of it, as pure transitions."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Self

from pydantic import BaseModel, ConfigDict

DELAYS = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800))
"""Between one failed delivery and the next; together within the default RESULT_TTL."""

SUCCESS = range(200, 300)
"""The statuses by which a receiver says yes."""


class WebhookState(StrEnum):
    """Whether the receiver knows."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(BaseModel):
    """One try to tell the receiver."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    at: datetime
    status: int | None = None
    """What the receiver answered; null where it did not."""

    error: str | None = None
    """Why this was no success, in a few words; null where it was one."""

    @property
    def succeeded(self) -> bool:
        """The receiver has said yes."""
        return self.status in SUCCESS


class Webhook(BaseModel):
    """Where to tell of a job's end, and how that went."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    url: str
    state: WebhookState = WebhookState.WAITING
    """`waiting` for the job's end or the next try, `delivered`, or `failed` for good."""

    deliveries: tuple[Delivery, ...] = ()
    """The tries so far, oldest first."""

    next_at: datetime | None = None
    """When it is tried next, unless a try that is under way succeeds; null until the job ends."""

    def wait_until(self, due: datetime) -> Self:
        """Have the next try at `due`."""
        return self.model_copy(update={"next_at": due})

    def record(
        self, delivery: Delivery, now: datetime, delays: Sequence[timedelta] = DELAYS
    ) -> Self:
        """Keep how a try went, which is the last after a success, a 410 or the last delay."""
        tries = len(self.deliveries)
        state = self._state_after(delivery, tries_left=len(delays) - tries)
        waits = state is WebhookState.WAITING
        return self.model_copy(
            update={
                "state": state,
                "deliveries": (*self.deliveries, delivery),
                "next_at": now + delays[tries] if waits else None,
            }
        )

    def _state_after(self, delivery: Delivery, *, tries_left: int) -> WebhookState:
        # Two tries can overlap, so that one ends when the other has settled the matter.
        if delivery.succeeded or self.state is WebhookState.DELIVERED:
            return WebhookState.DELIVERED
        gone = delivery.status == HTTPStatus.GONE
        if gone or tries_left <= 0 or self.state is WebhookState.FAILED:
            return WebhookState.FAILED
        return WebhookState.WAITING
