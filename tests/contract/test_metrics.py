"""What Prometheus scrapes of an API process."""

from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from redis import Redis

from shared.job_parts import FailureType
from tests.contract.conftest import StartApi
from tests.contract.serving import working
from tests.support.pipelines import PaintsFlat, PaintsUntilInterrupted, gives_no_finite_picture
from tests.support.scrape import Scrape
from tests.unit.eventually import eventually

PROMPT = "a red apple of somebody's secret"
QUICK: dict[str, object] = {
    "prompt": PROMPT,
    "num_inference_steps": 5,
    "height": 256,
    "width": 256,
}
EVENTS = "/jobs/{job_id}/events"
REQUESTS = "semantic_bit_http_requests_total"
FINISHED = "semantic_bit_jobs_finished_total"


def scrape(client: httpx.Client) -> Scrape:
    return Scrape.parse(client.get("/metrics").raise_for_status().text)


@pytest.fixture
def fresh(start_api: StartApi) -> httpx.Client:
    """A client of an API that has counted nothing yet."""
    return start_api()


class TestFormat:
    def test_is_the_text_format(self, client: httpx.Client) -> None:
        response = client.get("/metrics")
        assert response.headers["content-type"].startswith("text/plain; version=")
        assert scrape(client).has("semantic_bit_queue_depth")

    def test_is_that_of_openmetrics_where_it_is_accepted(self, client: httpx.Client) -> None:
        accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
        response = client.get("/metrics", headers={"Accept": accept})
        assert response.headers["content-type"].startswith("application/openmetrics-text")
        parsed = text_string_to_metric_families(response.text)  # type: ignore[no-untyped-call]
        assert "semantic_bit_queue_depth" in {family.name for family in parsed}

    def test_needs_no_key(self, start_api: StartApi) -> None:
        client = start_api(api_key="secret")
        assert client.get("/metrics").status_code == 200


class TestJobs:
    def test_are_counted_as_they_come_wait_and_are_canceled(self, fresh: httpx.Client) -> None:
        submitted = [fresh.post("/jobs", json=QUICK).json() for _ in range(3)]
        for _ in range(2):
            fresh.delete(submitted[0]["urls"]["cancel"])
        seen = scrape(fresh)
        assert seen.sum("semantic_bit_jobs_submitted_total") == 3
        assert seen.sum("semantic_bit_queue_depth") == 2
        assert seen.sum("semantic_bit_queue_oldest_age_seconds") > 0
        assert seen.counted(FINISHED) == {("requested", "canceled"): 1}
        assert seen.counted("semantic_bit_cancels_total") == {("requested",): 1}

    def test_that_a_worker_ends_are_left_to_it_to_count(
        self, fresh: httpx.Client, redis: Redis
    ) -> None:
        with working(redis, PaintsFlat()):
            assert fresh.post("/generate", json=QUICK).status_code == 200
        with working(redis, gives_no_finite_picture()):
            failed = fresh.post("/generate", json=QUICK).json()
        assert failed["meta"]["type"] == FailureType.NAN_OUTPUT
        seen = scrape(fresh)
        assert seen.counted(FINISHED) == {}
        assert seen.sum(REQUESTS, route="/generate", code="200") == 1
        assert seen.sum(REQUESTS, route="/generate", code="500") == 1

    def test_that_come_twice_under_one_key_are_counted_once(self, fresh: httpx.Client) -> None:
        for _ in range(2):
            fresh.post("/jobs", json=QUICK, headers={"Idempotency-Key": "k"})
        assert scrape(fresh).sum("semantic_bit_jobs_submitted_total") == 1

    def test_that_are_refused_are_not_counted(self, start_api: StartApi) -> None:
        client = start_api(max_concurrent_requests=1)
        statuses = [client.post("/jobs", json=QUICK).status_code for _ in range(2)]
        assert statuses == [202, 429]
        seen = scrape(client)
        assert seen.sum("semantic_bit_jobs_submitted_total") == 1
        assert seen.sum(REQUESTS, route="/jobs", code="429") == 1
        assert seen.sum("semantic_bit_queue_limit") == 1


class TestRequests:
    def test_are_counted_by_the_template_of_their_route(self, fresh: httpx.Client) -> None:
        for path in ("/jobs/a", "/jobs/b", "/nowhere", "/health"):
            fresh.get(path)
        assert scrape(fresh).counted(REQUESTS) == {
            ("404", "GET", "/jobs/{job_id}"): 2,
            ("404", "GET", "unmatched"): 1,
            ("200", "GET", "/health"): 1,
        }

    def test_are_counted_under_the_path_that_the_documentation_shows(
        self, fresh: httpx.Client
    ) -> None:
        paths = fresh.get("/openapi.json").json()["paths"]
        for path, methods in paths.items():
            for method in methods:
                fresh.request(method, path.replace("{job_id}", "a"))
        counted = scrape(fresh).counted("semantic_bit_http_request_seconds_count")
        shown = {(method.upper(), path) for path, methods in paths.items() for method in methods}
        assert counted.keys() == shown | {("GET", "other")}  # The documentation itself.

    def test_that_are_too_large_are_counted(self, start_api: StartApi) -> None:
        client = start_api(max_body_bytes=1024)
        client.post("/generate", content=b"x" * 2048)
        assert scrape(client).sum(REQUESTS, code="413") == 1

    def test_are_counted_when_their_stream_has_ended(
        self, fresh: httpx.Client, redis: Redis
    ) -> None:
        with working(redis, PaintsUntilInterrupted()):
            job = fresh.post("/jobs", json=QUICK).json()
            with fresh.stream("GET", job["urls"]["events"]) as events:
                lines = events.iter_lines()
                read_until(lines, "event: started")
                assert scrape(fresh).sum(REQUESTS, route=EVENTS) == 0
                fresh.delete(job["urls"]["cancel"])
                read_until(lines, "event: canceled")
                assert list(lines)[-1] == ""
        assert scrape(fresh).sum(REQUESTS, route=EVENTS, code="200") == 1

    def test_are_counted_when_their_client_has_left(self, fresh: httpx.Client) -> None:
        job = fresh.post("/jobs", json=QUICK).json()
        with fresh.stream("GET", job["urls"]["events"]) as events:
            read_until(events.iter_lines(), "event: queued")
        eventually(
            lambda: scrape(fresh).sum(REQUESTS, route=EVENTS, code="200"),
            until=lambda count: count == 1,
        )


def read_until(lines: Iterator[str], wanted: str) -> None:
    assert any(line == wanted for line in lines), f"{wanted} never came"


class TestSecrecy:
    def test_no_label_tells_what_clients_have_sent(self, start_api: StartApi) -> None:
        client = start_api(api_key="hunter2")
        headers = {"Authorization": "Bearer hunter2", "Idempotency-Key": "key-of-mine"}
        job = client.post("/jobs", json=QUICK, headers=headers).json()
        client.get(f"/jobs/{job['id']}", headers=headers)
        client.get("/nowhere/hunter2")
        told = client.get("/metrics").text
        for secret in (PROMPT, "hunter2", "key-of-mine", job["id"]):
            assert secret not in told
