import logging
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest
from pydantic import SecretStr

from scripts.ports import free_port
from shared.otlp import Seldom
from shared.settings import Settings
from shared.tracing import NoTracing, Tracing, connect_tracing, trace_id_of
from tests.support.collector import Collector
from tests.support.traces import (
    CLIENT,
    CLIENT_SPAN,
    CLIENT_TRACE,
    Trace,
    attributes,
    failure,
    parent_id,
    seconds,
    span_id,
    trace_id,
)
from tests.unit.eventually import eventually

_A_RETRY_OF_THE_SDK_SECONDS = 30
ROOT = Path(__file__).resolve().parents[3]
LOADED = """
import importlib, sys
importlib.import_module(sys.argv[1])
sent = ("opentelemetry.sdk.trace", "opentelemetry.exporter", "google.protobuf")
print(*[name for name in sys.modules if name.startswith(sent)])
"""
WITHOUT_THE_EXTRA = """
import sys
sys.modules.update({"opentelemetry.sdk": None, "opentelemetry.exporter": None})
from shared.settings import Settings
from shared.tracing import connect_tracing
settings = Settings(_env_file=None, otel_exporter_otlp_endpoint="http://127.0.0.1:1")
print(type(connect_tracing(settings, "api")).__name__)
"""


def run(program: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


class TestWithoutACollector:
    @pytest.mark.parametrize("module", ["api.main", "worker.main", "worker.webhooks.main"])
    def test_nothing_that_sends_is_imported(self, module: str) -> None:
        assert run(LOADED, module) == ""

    def test_nothing_is_told(self) -> None:
        tracing = connect_tracing(Settings(_env_file=None), "api")
        assert isinstance(tracing, NoTracing)
        with tracing.span("a", parent=CLIENT, job_id="a") as span:
            span.rename("b")
            span.note(steps=5)
            span.fail("it broke")
            assert span.traceparent is None
        tracing.record("c", 1.0, 2.0, error="it broke")
        tracing.stop()


class TestWithoutTheExtra:
    def test_nothing_is_told_and_the_process_starts(self) -> None:
        assert run(WITHOUT_THE_EXTRA).splitlines()[-1] == "NoTracing"


class TestSpan:
    def test_begins_a_trace_where_there_is_none(self, tracing: Tracing, trace: Trace) -> None:
        with tracing.span("a", kind="server"):
            pass
        assert (parent_id(trace["a"]), trace["a"].kind.name) == (None, "SERVER")

    def test_is_under_the_one_around_it(self, tracing: Tracing, trace: Trace) -> None:
        with tracing.span("outer"), tracing.span("inner"):
            pass
        assert parent_id(trace["inner"]) == span_id(trace["outer"])

    def test_is_under_what_another_process_has_sent(self, tracing: Tracing, trace: Trace) -> None:
        with tracing.span("a", parent=CLIENT):
            pass
        assert (trace_id(trace["a"]), parent_id(trace["a"])) == (CLIENT_TRACE, CLIENT_SPAN)

    @pytest.mark.parametrize("nonsense", ["", "x", "00-0-0-01", CLIENT.replace("0a", "zz")])
    def test_begins_a_trace_where_what_was_sent_is_none(
        self, tracing: Tracing, trace: Trace, nonsense: str
    ) -> None:
        with tracing.span("a", parent=nonsense):
            pass
        assert parent_id(trace["a"]) is None

    def test_gives_what_another_process_needs(self, tracing: Tracing, trace: Trace) -> None:
        with tracing.span("here", parent=CLIENT) as span:
            sent = span.traceparent
        with tracing.span("there", parent=sent):
            pass
        assert trace_id_of(sent) == CLIENT_TRACE
        assert parent_id(trace["there"]) == span_id(trace["here"])

    def test_is_not_kept_where_the_client_does_not_sample(
        self, tracing: Tracing, trace: Trace
    ) -> None:
        with tracing.span("a", parent=CLIENT[:-2] + "00") as span:
            assert (span.traceparent or "").endswith("-00")
        assert trace.names == []

    def test_says_what_is_known_of_it(self, tracing: Tracing, trace: Trace) -> None:
        with tracing.span("a", job_id="a", request_id=None) as span:
            span.note(steps=5, state=None)
            span.rename("b")
        assert attributes(trace["b"]) == {"job_id": "a", "steps": 5}

    def test_fails_with_the_kind_of_an_exception_and_not_its_message(
        self, tracing: Tracing, trace: Trace
    ) -> None:
        with pytest.raises(ValueError, match="hunter2"), tracing.span("a"):
            raise ValueError("hunter2")
        assert failure(trace["a"]) == "ValueError"
        assert trace["a"].events == ()

    def test_fails_where_that_is_said(self, tracing: Tracing, trace: Trace) -> None:
        with tracing.span("a") as span:
            span.fail("nan_output")
        assert failure(trace["a"]) == "nan_output"


class TestRecord:
    def test_tells_of_what_is_over(self, tracing: Tracing, trace: Trace) -> None:
        with tracing.span("outer"):
            tracing.record("a", 1000.5, 1002.0, stage=1)
        assert (seconds(trace["a"]), trace["a"].start_time) == (1.5, 1_000_500_000_000)
        assert parent_id(trace["a"]) == span_id(trace["outer"])
        assert failure(trace["a"]) is None

    def test_tells_what_has_failed_elsewhere(self, tracing: Tracing, trace: Trace) -> None:
        tracing.record("a", 1.0, 2.0, parent=CLIENT, error="worker lost")
        assert (failure(trace["a"]), trace_id(trace["a"])) == ("worker lost", CLIENT_TRACE)


class TestConnect:
    def test_sends_to_the_collector_with_what_it_wants_to_be_let_in(self) -> None:
        with Collector() as collector:
            settings = Settings(
                _env_file=None,
                otel_exporter_otlp_endpoint=f"{collector.url}/",
                otel_exporter_otlp_headers=SecretStr("api-key=hunter2"),
            )
            tracing = connect_tracing(settings, "worker")
            with tracing.span("a", job_id="a", steps=5):
                pass
            tracing.stop()
        (span,) = collector.spans
        assert (span.service, span.name) == ("semantic-bit-worker", "a")
        assert span.attributes == {"job_id": "a", "steps": 5}
        assert collector.headers[0]["api-key"] == "hunter2"

    def test_costs_nothing_but_a_line_where_the_collector_is_away(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
        monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
        url = f"http://127.0.0.1:{free_port()}"
        tracing = connect_tracing(Settings(_env_file=None, otel_exporter_otlp_endpoint=url), "api")
        started = monotonic()
        for _ in range(100):
            tracing.record("a", 1.0, 2.0)
        eventually(lambda: len(caplog.records), until=bool)
        tracing.stop()
        assert monotonic() - started < _A_RETRY_OF_THE_SDK_SECONDS
        (complaint,) = caplog.records
        assert complaint.levelname == "WARNING"


class TestSeldom:
    def test_lets_one_complaint_through_and_then_none_for_a_while(self) -> None:
        record = logging.makeLogRecord({"msg": "away"})
        seldom, often = Seldom(60), Seldom(0)
        assert [seldom.filter(record) for _ in range(3)] == [True, False, False]
        assert [often.filter(record) for _ in range(3)] == [True, True, True]
