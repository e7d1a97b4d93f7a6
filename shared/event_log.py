"""The events of a job, kept so that a client that was away misses none."""

import json
from typing import Any

from redis import Redis

from shared.job_events import EventType, JobEvent
from shared.job_scripts import SHOW
from shared.job_store import EVENTS_KEPT
from shared.keys import CHANGES_CHANNEL, PREFIX, events_key, record_key

# A subscriber renews its wish several times in this.
_WISH_SECONDS = 30

# A fast GPU makes about as many steps between two previews.
_SINCE_A_PREVIEW = 32


class EventLog:
    """Reads what the store has told of a job, and carries the previews.

    All methods raise `redis.exceptions.RedisError` where Redis does not answer.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._show = redis.register_script(SHOW)

    def after(self, job_id: str, number: int) -> list[JobEvent]:
        """Give the kept events of a job that came after the one with this number, oldest first."""
        entries: Any = self._redis.xrange(events_key(job_id), f"({number}-0", "+")
        return [_parse(entry, fields) for entry, fields in entries]

    def last_preview(self, job_id: str) -> str | None:
        """Give the last preview of a job as base64, unless many events have come since."""
        entries: Any = self._redis.xrevrange(events_key(job_id), count=_SINCE_A_PREVIEW)
        for entry, fields in entries:
            event = _parse(entry, fields)
            if event.type is EventType.PREVIEW:
                return str(event.data["image"]).partition(",")[2]
        return None

    def want_previews(self, job_id: str) -> None:
        """Ask for the previews of a job for some seconds."""
        self._redis.set(_wish_key(job_id), 1, ex=_WISH_SECONDS)

    def wants_previews(self, job_id: str) -> bool:
        """Say whether somebody looks."""
        return bool(self._redis.exists(_wish_key(job_id)))

    def show(self, job_id: str, token: str, preview: JobEvent) -> None:
        """Tell a preview, unless the attempt with this token does not run any more."""
        self._show(
            keys=[record_key(job_id), events_key(job_id)],
            args=[
                job_id,
                token,
                preview.type,
                json.dumps(preview.data),
                EVENTS_KEPT,
                CHANGES_CHANNEL,
            ],
        )


def _parse(entry: bytes, fields: dict[bytes, bytes]) -> JobEvent:
    return JobEvent(
        number=int(entry.partition(b"-")[0]),
        type=EventType(fields[b"type"].decode()),
        data=json.loads(fields[b"data"]),
    )


def _wish_key(job_id: str) -> str:
    return f"{PREFIX}previews-wanted:{job_id}"
