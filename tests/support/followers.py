"""Somebody who follows a job's events and remembers what was told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from api.event_feed import EventFeeds
from shared.job_events import EventType, JobEvent
from tests.unit.eventually import PATIENCE_SECONDS


class Follower:
    """Hears the events of a job until they end or it leaves."""

    def __init__(self, events: AsyncIterator[JobEvent]) -> None:
        self.heard: list[JobEvent] = []
        self._more = asyncio.Event()
        self.task = asyncio.create_task(self._follow(events))

    @property
    def kept(self) -> list[tuple[int, str]]:
        """The numbered events that were heard."""
        return [
            (event.number, event.type.value) for event in self.heard if event.number is not None
        ]

    @property
    def types(self) -> list[EventType]:
        return [event.type for event in self.heard]

    async def until(self, enough: Callable[[list[JobEvent]], bool]) -> None:
        """Wait until enough was heard."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not enough(self.heard):
                    assert not self.task.done(), f"it is over; heard {self.heard}"
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"not enough; heard {self.heard}") from None

    async def hears(self, event_type: EventType, *, times: int = 1) -> None:
        """Wait until an event of this type was heard so many times."""
        await self.until(lambda heard: [event.type for event in heard].count(event_type) >= times)

    async def end(self) -> None:
        """Wait until nothing comes any more."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self.task
        except TimeoutError:
            raise AssertionError(f"no end; heard {self.heard}") from None

    async def _follow(self, events: AsyncIterator[JobEvent]) -> None:
        try:
            async for event in events:
                self.heard.append(event)
                self._more.set()
        finally:
            self._more.set()


@asynccontextmanager
async def following(
    feeds: EventFeeds, job_id: str = "a", *, after: int = 0, previews: bool = False
) -> AsyncIterator[Follower]:
    """Follow a job, and leave at the end."""
    follower = Follower(feeds.follow(job_id, after=after, previews=previews))
    try:
        yield follower
    finally:
        follower.task.cancel()
        await asyncio.wait({follower.task})
