"""What an operator sees of a job that went wrong for a client: its trace and its lines."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from tests.support.collector import Collector
from tests.support.log_lines import LogLine, log_lines, plain_lines
from tests.support.receiver import Receiver, answers
from tests.support.stack import PATIENCE_SECONDS, Stack, eventually
from tests.support.traces import CLIENT, CLIENT_SPAN, CLIENT_TRACE
from tests.support.webhooks import SECRET

PROMPT = "a garden behind a high wall, where nobody has been for years"
NEVER_BEFORE_THE_END = str(10 * 60 * 1000)
PROCESSES = ("api", "worker", "webhooks")


@dataclass
class Followed:
    """A job, and what was seen of it by the time that everything had stopped."""

    collector: Collector
    receiver: Receiver
    stack: Stack
    job_id: str = ""
    lines: dict[str, list[LogLine]] = field(default_factory=dict)

    def lines_about_the_job(self, process: str) -> list[LogLine]:
        return [line for line in self.lines[process] if line.get("job_id") == self.job_id]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Followed]:
    folder = tmp_path_factory.mktemp("followed")
    with Collector() as collector, Receiver(answers(200)) as receiver:
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": NEVER_BEFORE_THE_END,
            "LOG_LEVEL": "debug",
            "WEBHOOK_SECRET": SECRET,
            "WEBHOOK_ALLOW_HTTP": "true",
            "WEBHOOK_ALLOWED_HOSTS": "localhost",
        }
        with Stack(folder, settings, worker="tests.support.flat_worker") as stack:
            followed = Followed(collector, receiver, stack)
            stack.start("redis", *PROCESSES)
            stack.wait_until_ready()
            followed.job_id = submit(stack.url, f"http://localhost:{receiver.port}/hook")
            eventually(lambda: receiver.received, until=bool)
            stack.stop("api", "worker", "webhooks")
            followed.lines = {name: log_lines(stack.log(name)) for name in PROCESSES}
            yield followed


def submit(url: str, webhook_url: str) -> str:
    job = httpx.post(
        f"{url}/jobs",
        json={"prompt": PROMPT, "num_inference_steps": 5, "webhook_url": webhook_url},
        headers={"traceparent": CLIENT, "X-Request-ID": "case-7"},
        timeout=PATIENCE_SECONDS,
    ).json()
    job_id: str = job["id"]
    return job_id


class TestTrace:
    def test_is_one_through_all_processes(self, followed: Followed) -> None:
        spans = [span for span in followed.collector.spans if span.trace_id == CLIENT_TRACE]
        assert {(span.service, span.name) for span in spans} == {
            ("semantic-bit-api", "POST /jobs"),
            ("semantic-bit-api", "enqueue"),
            ("semantic-bit-worker", "job"),
            *(
                ("semantic-bit-worker", stage)
                for stage in ("text", "denoise", "decode", "encode", "store")
            ),
            ("semantic-bit-webhooks", "deliver"),
        }

    def test_hangs_together(self, followed: Followed) -> None:
        spans = {span.name: span for span in followed.collector.spans}
        parents = [
            (name, spans[name].parent_id)
            for name in ("POST /jobs", "enqueue", "job", "denoise", "deliver")
        ]
        assert parents == [
            ("POST /jobs", CLIENT_SPAN),
            ("enqueue", spans["POST /jobs"].id),
            ("job", spans["enqueue"].id),
            ("denoise", spans["job"].id),
            ("deliver", spans["enqueue"].id),
        ]

    def test_goes_on_at_the_receiver_of_the_webhook(self, followed: Followed) -> None:
        (deliver,) = followed.collector.named("deliver")
        headers = followed.receiver.received[0].headers
        assert headers["traceparent"].startswith(f"00-{CLIENT_TRACE}-{deliver.id}-")

    def test_is_not_made_of_what_is_polled(self, followed: Followed) -> None:
        assert followed.collector.named("GET /readyz") == []


class TestLog:
    @pytest.mark.parametrize("process", PROCESSES)
    def test_can_be_read_by_a_machine(self, followed: Followed, process: str) -> None:
        plain = plain_lines(followed.stack.log(process))
        assert [line for line in plain if not line.startswith("worker: ")] == []
        assert all(
            {"event", "level", "timestamp"} <= line.keys() for line in followed.lines[process]
        )

    def test_of_a_worker_with_a_model_can_be_read_by_a_machine(self, stack: Stack) -> None:
        assert plain_lines(stack.log("worker")) == []
        assert "model loaded" in {line["event"] for line in log_lines(stack.log("worker"))}

    @pytest.mark.parametrize(
        ("process", "event"),
        [("api", "job queued"), ("worker", "job ended"), ("webhooks", "webhook tried")],
    )
    def test_has_the_ids_of_job_request_and_trace(
        self, followed: Followed, process: str, event: str
    ) -> None:
        (line,) = (line for line in followed.lines_about_the_job(process) if line["event"] == event)
        assert (line["request_id"], line["trace_id"]) == ("case-7", CLIENT_TRACE)

    @pytest.mark.parametrize("process", PROCESSES)
    def test_never_has_the_whole_prompt(self, followed: Followed, process: str) -> None:
        assert PROMPT not in followed.stack.log(process).read_text()
