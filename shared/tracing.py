"""Traces: what happens to a job from the request to the webhook, told to a collector.

Without `OTEL_EXPORTER_OTLP_ENDPOINT` nothing is imported, kept or sent.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol

from shared.log import get_logger
from shared.settings import Settings

_log = get_logger(__name__)

Kind = Literal["internal", "server", "producer", "consumer", "client"]
Attribute = str | int | float | bool | None
"""None is left out."""


class Span(Protocol):
    """A part of a trace that goes on."""

    @property
    def traceparent(self) -> str | None:
        """What makes other spans, of whatever process, children of this one: a W3C header."""
        ...

    def rename(self, name: str) -> None:
        """Name it by what was not known when it began."""
        ...

    def note(self, **attributes: Attribute) -> None:
        """Add to what it says of itself."""
        ...

    def fail(self, reason: str) -> None:
        """Say that it has failed; an exception that leaves it says so by itself."""
        ...


class Tracing(Protocol):
    """Where spans go. Nothing here fails, or waits for a collector."""

    def span(
        self,
        name: str,
        *,
        kind: Kind = "internal",
        parent: str | None = None,
        **attributes: Attribute,
    ) -> AbstractContextManager[Span]:
        """Tell what is done within, under the traceparent, or else under the span around it."""
        ...

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
        """Tell of what is over, from its times in seconds since the epoch."""
        ...

    def stop(self) -> None:
        """Send what is left, and wait a moment for it."""
        ...


class NoSpan:
    """Tells nothing."""

    traceparent = None

    def rename(self, name: str) -> None:
        """Do nothing."""

    def note(self, **attributes: Attribute) -> None:
        """Do nothing."""

    def fail(self, reason: str) -> None:
        """Do nothing."""


class NoTracing:
    """Has no collector to tell."""

    _span = NoSpan()

    @contextmanager
    def span(
        self,
        name: str,  # noqa: ARG002  # The protocol's, as all these.
        *,
        kind: Kind = "internal",  # noqa: ARG002
        parent: str | None = None,  # noqa: ARG002
        **attributes: Attribute,  # noqa: ARG002
    ) -> Iterator[Span]:
        """Do what is within, and nothing else."""
        yield self._span

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
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


def trace_id_of(traceparent: str | None) -> str | None:
    """Give the trace that a span is of, for the log."""
    return traceparent.split("-")[1] if traceparent else None


def connect_tracing(settings: Settings, process: str) -> Tracing:
    """Give what the settings ask for; `process` is `api` or `worker`.

    It starts a thread, so a process that forks calls it afterwards.
    """
    if not settings.otel_exporter_otlp_endpoint:
        return NoTracing()
    try:
        from shared.otlp import connect  # noqa: PLC0415  # An extra, and only on demand.
    except ImportError as error:
        _log.warning("no traces: install the extra 'tracing'", reason=str(error))
        return NoTracing()
    return connect(settings, process)
