"""The events of jobs: each job's are read once for all who follow it in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from pydantic import JsonValue
from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool

from api.forecast import Forecaster
from api.job_views import JobViews
from shared.errors import ServiceError
from shared.event_log import EventLog
from shared.job_events import EventType, JobEvent
from shared.job_store import EVENTS_KEPT, JobStore
from shared.log import get_logger

_log = get_logger(__name__)

_QUEUE_SECONDS = 1.0
"""Between two looks at the place of a job that waits."""

_WISH_SECONDS = 10.0
"""Between two signs that somebody still looks at the previews."""

# An estimate that has moved by less, in seconds and as a share of itself, is not told again.
_NOISE_SECONDS = 1.0
_NOISE_SHARE = 0.1


@dataclass(frozen=True)
class Place:
    """Where a job stood in the queue at a moment."""

    position: int
    eta_seconds: float | None
    at: float

    @property
    def data(self) -> dict[str, JsonValue]:
        """What an event says of it."""
        return {"position": self.position, "eta_seconds": self.eta_seconds}

    def is_news_after(self, told: "Place | None") -> bool:
        """Say whether it differs from what was told before, beyond the time gone by."""
        if told is None or told.position != self.position:
            return True
        if told.eta_seconds is None or self.eta_seconds is None:
            return told.eta_seconds is not self.eta_seconds
        expected = max(told.eta_seconds - (self.at - told.at), 0)
        noise = max(_NOISE_SECONDS, _NOISE_SHARE * expected)
        return abs(self.eta_seconds - expected) > noise


@dataclass(frozen=True)
class News:
    """What one look at a job has brought."""

    events: list[JobEvent]
    place: Place | None
    is_gone: bool


class JobEvents:
    """Looks at what has happened to a job; synchronous, may raise `RedisError`."""

    def __init__(
        self, log: EventLog, store: JobStore, views: JobViews, forecaster: Forecaster
    ) -> None:
        self._log = log
        self._store = store
        self._views = views
        self._forecaster = forecaster

    def look(self, job_id: str, last: JobEvent | None) -> News:
        """Give what has come after the event `last`."""
        events = [
            self._completed(job_id, event) for event in self._log.after(job_id, _number(last))
        ]
        latest = events[-1] if events else last
        waits = latest is not None and latest.type is EventType.QUEUED
        place = self._place(job_id) if waits else None
        is_gone = not events and place is None and self._is_gone(job_id)
        return News(events, place, is_gone=is_gone)

    def want_previews(self, job_id: str) -> None:
        """Let the worker know that somebody looks."""
        self._log.want_previews(job_id)

    def _completed(self, job_id: str, event: JobEvent) -> JobEvent:
        """Put the whole job into its last event."""
        if not event.type.is_final:
            return event
        with suppress(ServiceError):  # It expires in this moment.
            view = self._views.of(self._store.get(job_id))
            return event.model_copy(update={"data": view.model_dump(mode="json")})
        return event

    def _place(self, job_id: str) -> Place | None:
        forecast = self._forecaster.current()
        position, eta = forecast.positions.get(job_id), forecast.etas.get(job_id)
        if position is None:  # It has just come, or just gone.
            position, eta = self._place_of_record(job_id)
        if position is None:
            return None
        return Place(position, None if eta is None else round(eta, 1), monotonic())

    def _place_of_record(self, job_id: str) -> tuple[int | None, float | None]:
        try:
            view = self._views.of(self._store.get(job_id))
        except ServiceError:
            return None, None
        return view.position, view.eta_seconds

    def _is_gone(self, job_id: str) -> bool:
        try:
            self._store.get(job_id)
        except ServiceError:
            return True
        return False


class _Feed:
    """What has been read of a job's events, and who waits for more."""

    def __init__(self) -> None:
        self.events: list[JobEvent] = []
        self.place: Place | None = None
        self.is_over = False
        self.readers = 0
        self.viewers = 0
        self.woken = asyncio.Event()
        self.pump: asyncio.Task[None] | None = None
        self.turn = asyncio.get_running_loop().create_future()
        """Ends when there may be more to tell; the next begins with it."""

    @property
    def last(self) -> JobEvent | None:
        return self.events[-1] if self.events else None

    @property
    def waits(self) -> bool:
        return self.last is not None and self.last.type is EventType.QUEUED

    def add(self, news: News) -> None:
        self.events = [*self.events, *news.events][-EVENTS_KEPT:]
        self.is_over = news.is_gone or (self.last is not None and self.last.type.is_final)
        if not self.waits:
            self.place = None
        elif news.place is not None and news.place.is_news_after(self.place):
            self.place = news.place

    def after(self, number: int) -> list[JobEvent]:
        """Give what comes after the event with this number, with a word on what is lost."""
        events = [event for event in self.events if _number(event) > number]
        first = _number(events[0]) if events else 0
        if first > number + 1:
            missed: dict[str, JsonValue] = {"missed_from": number + 1, "missed_to": first - 1}
            return [JobEvent(type=EventType.GAP, data=missed), *events]
        return events

    def tell(self) -> None:
        """Let those who wait look."""
        self.turn.set_result(None)
        self.turn = asyncio.get_running_loop().create_future()


class EventFeeds:
    """Lets any number of clients follow jobs, with one reader for each job."""

    def __init__(self, source: JobEvents) -> None:
        self._source = source
        self._feeds: dict[str, _Feed] = {}
        self._is_stopping = False

    def changed(self, job_id: str, word: str) -> None:  # noqa: ARG002  # The listener's.
        """Read on, where somebody follows the job."""
        if job_id in self._feeds:
            self._feeds[job_id].woken.set()

    def ended(self, job_id: str, record: str) -> None:
        """Wait for `changed`: the end is told as every change is."""

    async def sweep(self) -> None:
        """Read on for everybody."""
        for feed in self._feeds.values():
            feed.woken.set()

    def stop(self) -> None:
        """End every stream; the clients come back with the last number that they have."""
        self._is_stopping = True
        for feed in self._feeds.values():
            feed.tell()

    async def follow(self, job_id: str, *, after: int, previews: bool) -> AsyncIterator[JobEvent]:
        """Give the events of a job that come after the one numbered `after`, to its last."""
        feed = self._enter(job_id, previews=previews)
        number, place = after, None
        try:
            while not self._is_stopping:
                turn = feed.turn
                for event in feed.after(number):
                    number = max(number, _number(event))
                    if event.type is EventType.QUEUED:
                        place = feed.place if event is feed.last else None
                        yield event.model_copy(update={"data": _data_of(place)})
                    elif previews or event.type is not EventType.PREVIEW:
                        yield event
                if feed.is_over:
                    return
                if feed.place is not None and feed.place is not place:
                    place = feed.place
                    yield JobEvent(type=EventType.QUEUED, data=place.data)
                await asyncio.shield(turn)  # It is everybody's.
        finally:
            self._leave(job_id, feed, previews=previews)

    def _enter(self, job_id: str, *, previews: bool) -> _Feed:
        feed = self._feeds.get(job_id)
        if feed is None:
            feed = self._feeds[job_id] = _Feed()
            feed.pump = asyncio.create_task(self._pump(job_id, feed))
        feed.readers += 1
        feed.viewers += previews
        feed.woken.set()
        return feed

    def _leave(self, job_id: str, feed: _Feed, *, previews: bool) -> None:
        feed.readers -= 1
        feed.viewers -= previews
        if feed.readers == 0:
            del self._feeds[job_id]
            assert feed.pump is not None
            feed.pump.cancel()

    async def _pump(self, job_id: str, feed: _Feed) -> None:
        wished_at = float("-inf")
        while not feed.is_over:
            feed.woken.clear()
            try:
                if feed.viewers and monotonic() - wished_at > _WISH_SECONDS:
                    await run_in_threadpool(self._source.want_previews, job_id)
                    wished_at = monotonic()
                feed.add(await run_in_threadpool(self._source.look, job_id, feed.last))
            except RedisError:
                pass  # It is read again at the next subscription.
            except Exception:  # noqa: BLE001  # Those who follow would wait for ever.
                _log.exception("events not read", job_id=job_id)
            feed.tell()
            with suppress(TimeoutError):
                async with asyncio.timeout(_QUEUE_SECONDS if feed.waits else None):
                    await feed.woken.wait()


def _number(event: JobEvent | None) -> int:
    return (event.number or 0) if event else 0


def _data_of(place: Place | None) -> dict[str, JsonValue]:
    return place.data if place else {"position": None, "eta_seconds": None}
