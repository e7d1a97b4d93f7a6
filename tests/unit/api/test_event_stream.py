import asyncio
from collections.abc import AsyncGenerator, MutableMapping
from typing import Any

import pytest

from api.event_stream import EventStream, kept_alive

SCOPE = {"type": "http", "asgi": {"spec_version": "2.3"}}


async def one_then_more_at(more: asyncio.Event) -> AsyncGenerator[bytes, None]:
    yield b"one"
    await more.wait()
    yield b"two"


@pytest.mark.anyio
class TestKeptAlive:
    async def test_puts_comments_where_nothing_comes(self) -> None:
        more = asyncio.Event()
        events = kept_alive(one_then_more_at(more), ping_seconds=0.01)
        assert [await anext(events) for _ in range(3)] == [b"one", b": ping\n\n", b": ping\n\n"]
        more.set()
        rest = [event async for event in events]
        assert [event for event in rest if event != b": ping\n\n"] == [b"two"]

    async def test_stops_reading_when_nobody_listens_any_more(self) -> None:
        more = asyncio.Event()
        source = one_then_more_at(more)
        events = kept_alive(source, ping_seconds=0.01)
        assert await anext(events) == b"one"
        assert await anext(events) == b": ping\n\n"
        await events.aclose()
        await asyncio.sleep(0)  # In which the source is told.
        assert await anext(source, None) is None


@pytest.mark.anyio
class TestEventStream:
    async def test_says_that_it_was_sent_whole(self) -> None:
        more = asyncio.Event()
        more.set()
        ends: list[bool] = []
        sent = await serve(EventStream(one_then_more_at(more), ends.append), leaves=False)
        assert sent == b"onetwo"
        assert ends == [True]

    async def test_says_that_its_client_left(self) -> None:
        ends: list[bool] = []
        await serve(EventStream(one_then_more_at(asyncio.Event()), ends.append), leaves=True)
        assert ends == [False]


async def serve(stream: EventStream, *, leaves: bool) -> bytes:
    """Serve a client that leaves after the first event, or one that stays; give what was sent."""
    sent = b""
    begun = asyncio.Event()

    async def receive() -> dict[str, str]:
        await (begun.wait() if leaves else asyncio.Event().wait())
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal sent
        sent += message.get("body", b"")
        if sent:
            begun.set()

    await stream(SCOPE, receive, send)
    return sent
