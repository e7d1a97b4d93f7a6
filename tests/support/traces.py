"""Traces that a test can look at."""

from collections.abc import Iterator

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.otlp import OtlpTracing

CLIENT_TRACE = "0af7651916cd43dd8448eb211c80319c"
CLIENT_SPAN = "b7ad6b7169203331"
CLIENT = f"00-{CLIENT_TRACE}-{CLIENT_SPAN}-01"
"""A traceparent as a client sends it."""


class KeptTracing(OtlpTracing):
    """Keeps its spans in this process."""

    def __init__(self) -> None:
        self.kept = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.kept))
        super().__init__(provider)


class Trace:
    """The spans that have ended."""

    def __init__(self, tracing: KeptTracing) -> None:
        self._kept = tracing.kept

    def __iter__(self) -> Iterator[ReadableSpan]:
        return iter(self._kept.get_finished_spans())

    def __getitem__(self, name: str) -> ReadableSpan:
        (span,) = (span for span in self if span.name == name)
        return span

    @property
    def names(self) -> list[str]:
        return [span.name for span in self]


def trace_id(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def span_id(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.span_id:016x}"


def parent_id(span: ReadableSpan) -> str | None:
    return None if span.parent is None else f"{span.parent.span_id:016x}"


def failure(span: ReadableSpan) -> str | None:
    """Give why a span has failed; None where it has not."""
    return None if span.status.is_ok or span.status.is_unset else span.status.description


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def seconds(span: ReadableSpan) -> float:
    assert span.start_time is not None
    assert span.end_time is not None
    return (span.end_time - span.start_time) / 1e9
