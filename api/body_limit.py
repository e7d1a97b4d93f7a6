"""A limit on the size of request bodies, kept while they arrive."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import http_response


class BodyLimit:
    """Answers 413 as soon as a body is announced or grows larger than `max_bytes`.

    A path in `max_bytes_of` has a limit of its own.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, max_bytes_of: Mapping[str, int]) -> None:
        self.app = app
        self._max_bytes = max_bytes
        self._max_bytes_of = max_bytes_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        max_bytes = self._max_bytes_of.get(scope["path"], self._max_bytes)
        too_large = HTTPException(413, f"The body is larger than {max_bytes} bytes.")
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > max_bytes:
                raise too_large
            return message

        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > max_bytes:
            await http_response(too_large)(scope, receive, send)
            return
        await self.app(scope, counted, send)
