"""Traces by OpenTelemetry, sent over OTLP/HTTP; imported where a collector is configured."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock, Thread
from time import monotonic

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.re import parse_env_headers

from shared import VERSION
from shared.settings import Settings
from shared.tracing import Attribute, Kind, Span

_TRACEPARENT = TraceContextTextMapPropagator()
_NANOSECONDS = 1_000_000_000
_FAREWELL_SECONDS = 2.0
_COMPLAINT_SECONDS = 60.0


class OtlpSpan:
    """A span of OpenTelemetry's."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str | None:
        """The W3C header that names it."""
        headers: dict[str, str] = {}
        _TRACEPARENT.inject(headers, trace.set_span_in_context(self._span))
        return headers.get("traceparent")

    def rename(self, name: str) -> None:
        """Name it by what was not known when it began."""
        self._span.update_name(name)

    def note(self, **attributes: Attribute) -> None:
        """Add to what it says of itself."""
        self._span.set_attributes(_present(attributes))

    def fail(self, reason: str) -> None:
        """Say that it has failed."""
        self._span.set_status(StatusCode.ERROR, reason)


class OtlpTracing:
    """Gives spans to a provider, which sends them from a thread of its own."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("semantic-bit", VERSION)

    @contextmanager
    def span(
        self,
        name: str,
        *,
        kind: Kind = "internal",
        parent: str | None = None,
        **attributes: Attribute,
    ) -> Iterator[Span]:
        """Tell what is done within, under the traceparent, or else under the span around it."""
        with self._tracer.start_as_current_span(
            name,
            context=_context(parent),
            kind=SpanKind[kind.upper()],
            attributes=_present(attributes),
            # A message may say what a client wrote; the log has it, and the span its kind.
            record_exception=False,
            set_status_on_exception=False,
        ) as started:
            span = OtlpSpan(started)
            try:
                yield span
            except BaseException as error:
                span.fail(type(error).__name__)
                raise

    def record(
        self,
        name: str,
        start: float,
        end: float,
        *,
        parent: str | None = None,
        error: str | None = None,
        **attributes: Attribute,
    ) -> None:
        """Tell of what is over."""
        span = self._tracer.start_span(
            name,
            context=_context(parent),
            attributes=_present(attributes),
            start_time=int(start * _NANOSECONDS),
        )
        if error is not None:
            span.set_status(StatusCode.ERROR, error)
        span.end(int(end * _NANOSECONDS))

    def stop(self) -> None:
        """Send what is left, for at most two seconds."""
        farewell = Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        farewell.start()
        farewell.join(_FAREWELL_SECONDS)


def connect(settings: Settings, process: str) -> OtlpTracing:
    """Send to the collector of the settings; the other OTEL_ variables are read by the SDK."""
    complaints = logging.getLogger(OTLPSpanExporter.__module__)
    complaints.addFilter(Seldom(_COMPLAINT_SECONDS))
    name = os.environ.get("OTEL_SERVICE_NAME") or f"semantic-bit-{process}"
    provider = TracerProvider(
        resource=Resource.create({SERVICE_NAME: name, SERVICE_VERSION: VERSION}),
        shutdown_on_exit=False,  # It would wait for a collector that is away.
    )
    exporter = OTLPSpanExporter(
        f"{settings.otel_exporter_otlp_endpoint.rstrip('/')}/v1/traces",
        headers=parse_env_headers(
            settings.otel_exporter_otlp_headers.get_secret_value(), liberal=True
        ),
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return OtlpTracing(provider)


class Seldom(logging.Filter):
    """Lets a logger say something once in a while: a collector that is away is no flood."""

    def __init__(self, interval_seconds: float) -> None:
        super().__init__()
        self._interval_seconds = interval_seconds
        self._next_at = 0.0
        self._lock = Lock()

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002  # Logging's.
        """Let one through, then none for the interval."""
        with self._lock:
            now = monotonic()
            if now < self._next_at:
                return False
            self._next_at = now + self._interval_seconds
            return True


def _context(parent: str | None) -> Context | None:
    return _TRACEPARENT.extract({"traceparent": parent}) if parent else None


def _present(attributes: Mapping[str, Attribute]) -> dict[str, str | int | float | bool]:
    return {name: value for name, value in attributes.items() if value is not None}
