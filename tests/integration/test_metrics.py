"""What Prometheus scrapes of the service as it runs, through deaths of the model's process."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.scrape import Scrape
from tests.support.stack import PATIENCE_SECONDS, Stack, eventually

QUICK: dict[str, object] = {
    "prompt": "a red circle on a blue background",
    "num_inference_steps": 5,
    "height": 256,
    "width": 256,
    "seed": 7,
}
SLOW = {**QUICK, "num_inference_steps": 60, "height": 768, "width": 768}


def scrape(stack: Stack) -> Scrape:
    """Scrape the API and the worker: what counts is the sum."""
    return Scrape.from_urls(f"{stack.url}/metrics", worker_url(stack))


def worker_url(stack: Stack) -> str:
    return f"http://127.0.0.1:{stack.metrics_port}/metrics"


def model_is_loaded(stack: Stack) -> float | str:
    try:
        return Scrape.from_urls(worker_url(stack)).sum("semantic_bit_model_loaded")
    except httpx.HTTPError as error:
        return repr(error)


class TestScrape:
    def test_counts_a_picture_once_and_times_each_of_its_stages(
        self, stack: Stack, client: httpx.Client
    ) -> None:
        before = scrape(stack)
        assert client.post("/generate", json=QUICK).status_code == 200
        after = scrape(stack)

        def grown(name: str, **labels: str) -> float:
            return after.sum(name, **labels) - before.sum(name, **labels)

        assert grown("semantic_bit_jobs_submitted_total") == 1
        assert grown("semantic_bit_attempts_total") == 1
        assert grown("semantic_bit_jobs_finished_total") == 1
        assert grown("semantic_bit_jobs_finished_total", state="succeeded") == 1
        assert grown("semantic_bit_http_requests_total", route="/generate", code="200") == 1
        assert grown("semantic_bit_steps_total") == 5
        for stage in ("queue_wait", "text", "denoise", "decode", "encode"):
            assert grown(f"semantic_bit_{stage}_seconds_count") == 1
        for stage in ("text", "denoise", "decode", "encode"):
            assert grown(f"semantic_bit_{stage}_seconds_sum") > 0

    def test_shows_what_runs(self, stack: Stack) -> None:
        seen = scrape(stack)
        assert seen.sum("semantic_bit_workers", state="ready") == 1
        assert seen.sum("semantic_bit_model_loaded") == 1
        assert seen.sum("semantic_bit_redis_up") == 1
        assert seen.sum("semantic_bit_build_info", model="demo", device="cpu") == 1


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path) as stack:
        stack.start("redis", "worker", "api")
        stack.wait_until_ready()
        yield stack


class TestReplacedChild:
    def test_takes_no_count_with_it_and_its_lost_job_is_counted_once(
        self, own_stack: Stack
    ) -> None:
        with httpx.Client(base_url=own_stack.url, timeout=PATIENCE_SECONDS) as client:
            assert client.post("/generate", json=QUICK).status_code == 200
            url = client.post("/jobs", json=SLOW).headers["location"]
            eventually(
                lambda: client.get(url).json(), until=lambda job: job["progress"]["step"] >= 1
            )
            before = scrape(own_stack)
            os.kill(own_stack.worker_child().pid, signal.SIGKILL)
            eventually(lambda: client.get(url).json(), until=lambda job: job["attempt"] == 2)
            again = scrape(own_stack)
            client.delete(url)
            eventually(lambda: client.get(url).json(), until=lambda job: job["state"] == "canceled")
        after = scrape(own_stack)
        assert again.sum("semantic_bit_steps_total") >= before.sum("semantic_bit_steps_total") >= 6
        assert after.sum("semantic_bit_denoise_seconds_count") == 1
        assert after.sum("semantic_bit_recoveries_total") == 1
        assert after.sum("semantic_bit_attempts_total") == 3
        assert after.counted("semantic_bit_jobs_finished_total") == {
            ("requested", "canceled"): 1,
            ("", "succeeded"): 1,
        }
        assert model_is_loaded(own_stack) == 1
