"""Each request has an id, a line in the log, and a span, however it ends."""

import logging
import re
from time import perf_counter
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from shared.log import get_logger, prompt_head
from shared.tracing import NoTracing, Span, Tracing, trace_id_of

_log = get_logger(__name__)

_HEADER = "X-Request-ID"
_SANE = re.compile(r"[!-~]{1,128}")
_POLLED = frozenset({"/health", "/livez", "/readyz", "/metrics"})
_UNTOLD = NoTracing()
_SERVER_ERROR = 500


class RequestContext:
    """Takes or makes the `X-Request-ID`, and binds it to all that is logged of the request.

    It has to be outside of everything else, so that the answer to an unforeseen error has it too.
    """

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self.app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _sane(headers.get(_HEADER, "")) or str(uuid4())
        tracing = _UNTOLD if scope["path"] in _POLLED else self._tracing
        with tracing.span(
            scope["method"],
            kind="server",
            parent=headers.get("traceparent"),
            request_id=request_id,
        ) as span:
            # Not unbound: each request has a task of its own, and the server's own line comes last.
            clear_contextvars()
            bind_contextvars(**_ids(request_id, span))
            exchange = _Exchange(scope, send, request_id)
            try:
                await self.app(scope, receive, exchange.send)
            finally:
                exchange.tell(span)


class _Exchange:
    """A request, and what becomes of it."""

    def __init__(self, scope: Scope, send: Send, request_id: str) -> None:
        self._scope = scope
        self._send = send
        self._request_id = request_id
        self._status: int | None = None
        self._started = perf_counter()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)[_HEADER] = self._request_id
            self._status = message["status"]
        await self._send(message)

    def tell(self, span: Span) -> None:
        method = self._scope["method"]
        route = getattr(self._scope.get("route"), "path_format", None)
        if route:
            span.rename(f"{method} {route}")
        span.note(
            **{
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": self._status,
                **self._job(),
            }
        )
        if self._failed:
            span.fail(str(self._status))
        _log.log(
            self._level,
            "request",
            method=method,
            path=route or prompt_head(self._scope["path"]),
            status=self._status,
            seconds=round(perf_counter() - self._started, 4),
            **self._job(),
        )

    @property
    def _failed(self) -> bool:
        return self._status is None or self._status >= _SERVER_ERROR

    @property
    def _level(self) -> int:
        if self._scope["path"] in _POLLED:
            return logging.DEBUG
        return logging.WARNING if self._failed else logging.INFO

    def _job(self) -> dict[str, str]:
        job_id = self._scope.get("path_params", {}).get("job_id")
        return {"job_id": prompt_head(job_id)} if job_id else {}


def _sane(request_id: str) -> str | None:
    return request_id if _SANE.fullmatch(request_id) else None


def _ids(request_id: str, span: Span) -> dict[str, str]:
    trace_id = trace_id_of(span.traceparent)
    return {"request_id": request_id} | ({"trace_id": trace_id} if trace_id else {})
