"""Server-sent events as an answer that knows whether its client stayed."""

import asyncio
from collections.abc import AsyncGenerator, Callable

from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

_PING_SECONDS = 15.0


class EventStream(StreamingResponse):
    """Server-sent events that are kept alive; says at its end whether all of it was sent."""

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncGenerator[bytes, None],
        at_end: Callable[[bool], None],
        *,
        ping_seconds: float = _PING_SECONDS,
    ) -> None:
        self._events = kept_alive(events, ping_seconds)
        self._at_end = at_end
        self._is_whole = False
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(self._events, headers=headers)

    async def stream_response(self, send: Send) -> None:
        """Send everything."""
        await super().stream_response(send)
        self._is_whole = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._events.aclose()
            await run_in_threadpool(self._at_end, self._is_whole)


async def kept_alive(
    events: AsyncGenerator[bytes, None], ping_seconds: float
) -> AsyncGenerator[bytes, None]:
    """Put a comment where nothing comes for a while, so that no proxy closes the connection."""
    coming = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            await asyncio.wait({coming}, timeout=ping_seconds)
            if not coming.done():
                yield KEEPALIVE_COMMENT
                continue
            event = coming.result()
            if event is None:
                return
            yield event
            coming = asyncio.ensure_future(anext(events, None))
    finally:
        coming.cancel()
