import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from redis import Redis

from shared.job_queue import message_lists
from shared.job_store import JobStore
from shared.settings import Settings
from shared.tracing import Tracing
from tests.contract.serving import announce, serving, working
from tests.support.builders import claim_job
from tests.support.pipelines import gives_no_finite_picture
from tests.support.runners import make_runner
from tests.support.traces import (
    CLIENT,
    CLIENT_SPAN,
    CLIENT_TRACE,
    Trace,
    attributes,
    failure,
    parent_id,
    span_id,
    trace_id,
)
from tests.unit.eventually import eventually

PROMPT = "a secret garden"
REQUEST = {"prompt": PROMPT, "num_inference_steps": 5, "width": 320, "height": 256, "seed": 7}
STAGES = ["text", "denoise", "decode", "encode", "store"]

pytestmark = pytest.mark.usefixtures("clean_environment", "restored_logging")


@pytest.fixture
def client(redis: Redis, redis_url: str, tracing: Tracing) -> Iterator[httpx.Client]:
    """A client that traces, of an API that traces."""
    announce(redis)
    settings = Settings(_env_file=None, redis_url=redis_url)
    with serving(settings, tracing) as client:
        client.headers["traceparent"] = CLIENT
        client.headers["X-Request-ID"] = "case-7"
        yield client


def messages(redis: Redis) -> list[dict[str, Any]]:
    return [json.loads(raw) for key in message_lists() for raw in redis.lrange(key, 0, -1)]


def submit(client: httpx.Client) -> str:
    job_id: str = client.post("/jobs", json=REQUEST).json()["id"]
    return job_id


class TestTrace:
    def test_goes_from_the_client_through_the_queue_to_each_stage(
        self, client: httpx.Client, redis: Redis, tracing: Tracing, trace: Trace
    ) -> None:
        with working(redis, tracing=tracing):
            assert client.post("/generate", json=REQUEST).status_code == 200
        ended = eventually(lambda: trace.names, until=lambda names: "POST /generate" in names)
        assert sorted(ended) == sorted(["POST /generate", "enqueue", "job", *STAGES])
        assert {trace_id(span) for span in trace} == {CLIENT_TRACE}
        assert parent_id(trace["POST /generate"]) == CLIENT_SPAN
        assert parent_id(trace["enqueue"]) == span_id(trace["POST /generate"])
        assert parent_id(trace["job"]) == span_id(trace["enqueue"])
        assert {parent_id(trace[stage]) for stage in STAGES} == {span_id(trace["job"])}

    def test_says_which_job_it_is_of_and_never_its_prompt(
        self, client: httpx.Client, redis: Redis, tracing: Tracing, trace: Trace
    ) -> None:
        job_id = submit(client)
        make_runner(redis, tracing=tracing).run(job_id)
        job = {
            "job_id": job_id,
            "request_id": "case-7",
            "size": "320x256",
            "steps": 5,
            "scheduler": "dpmsolver++",
        }
        assert attributes(trace["enqueue"]) == job
        assert attributes(trace["job"]) == {**job, "attempt": 1, "state": "succeeded"}
        assert [span.name for span in trace if PROMPT in span.to_json()] == []

    def test_has_the_stages_one_after_the_other(
        self, client: httpx.Client, redis: Redis, tracing: Tracing, trace: Trace
    ) -> None:
        make_runner(redis, tracing=tracing).run(submit(client))
        times = [(trace[stage].start_time, trace[stage].end_time) for stage in STAGES]
        ends, starts = [end for _, end in times], [start for start, _ in times]
        assert ends[:-1] == pytest.approx(starts[1:], abs=1000)  # Nanoseconds.

    def test_says_what_has_failed(
        self, client: httpx.Client, redis: Redis, tracing: Tracing, trace: Trace
    ) -> None:
        make_runner(redis, gives_no_finite_picture(), tracing=tracing).run(submit(client))
        assert failure(trace["job"]) == "nan_output"
        assert attributes(trace["job"])["state"] == "failed"

    def test_holds_the_attempt_of_a_worker_that_was_lost(
        self,
        *,
        client: httpx.Client,
        redis: Redis,
        store: JobStore,
        tracing: Tracing,
        trace: Trace,
    ) -> None:
        job_id = submit(client)
        claim_job(store, job_id)
        store.update(job_id, lambda job, now: job.lose_worker(3, now))
        make_runner(redis, tracing=tracing).run(job_id)
        attempts = [span for span in trace if span.name == "job"]
        assert [attributes(span)["attempt"] for span in attempts] == [1, 2]
        assert [failure(span) for span in attempts] == ["worker lost", None]
        assert {trace_id(span) for span in attempts} == {CLIENT_TRACE}

    def test_is_in_the_message_for_whoever_else_traces_celery(
        self, client: httpx.Client, redis: Redis, store: JobStore
    ) -> None:
        traceparent = store.get(submit(client)).traceparent
        (message,) = messages(redis)
        assert message["headers"]["traceparent"] == traceparent

    def test_is_not_shown_to_clients(self, client: httpx.Client, store: JobStore) -> None:
        answer = client.post("/jobs", json=REQUEST)
        traceparent = store.get(answer.json()["id"]).traceparent
        assert traceparent is not None
        assert traceparent not in answer.text
