"""Counts requests and their time, each at its end, by the template of its route."""

from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.exposition import PREFIX

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER = "other"

UNMATCHED = "unmatched"
"""What requests are counted under that no route has seen, such as those to unknown paths."""

_INTERNAL_SERVER_ERROR = 500


class HttpMetrics:
    """What is counted of requests; all labels are bounded, whatever clients send."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            f"{PREFIX}http_requests",
            "Requests that were answered, by the status of the answer.",
            ["method", "route", "code"],
            registry=registry,
        )
        self._seconds = Histogram(
            f"{PREFIX}http_request_seconds",
            "Time from a request to the end of its answer; a stream ends with its last event.",
            ["method", "route"],
            buckets=_SECONDS,
            registry=registry,
        )

    def served(self, method: str, route: str, code: int, seconds: float) -> None:
        """Count a request."""
        method = method if method in _METHODS else _OTHER
        self._requests.labels(method, route, str(code)).inc()
        self._seconds.labels(method, route).observe(seconds)


class RequestMetrics:
    """Counts every request, however it ends."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = _Request(scope, self._metrics)

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                request.code = message["status"]
            elif message["type"] == "http.response.body" and not message.get("more_body"):
                request.end()  # Before the client knows it: who scrapes next finds it counted.
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            request.end()


class _Request:
    """A request that is counted once, at its first end."""

    def __init__(self, scope: Scope, metrics: HttpMetrics) -> None:
        self.code = _INTERNAL_SERVER_ERROR  # What the client gets where no answer begins.
        self._scope = scope
        self._metrics = metrics
        self._started = perf_counter()
        self._has_ended = False

    def end(self) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        seconds = perf_counter() - self._started
        self._metrics.served(self._scope["method"], _route(self._scope), self.code, seconds)


def _route(scope: Scope) -> str:
    path = getattr(scope.get("route"), "path", None)
    if isinstance(path, str):
        return path.replace(":path}", "}")  # As the documentation writes it.
    # Mounts and the documentation have no route to name; a mount's own path is its root.
    return (scope.get("root_path") or _OTHER) if "endpoint" in scope else UNMATCHED
