from typing import Any

import httpx
import pytest
from redis import Redis

from shared.job_store import JobStore
from shared.webhook import Delivery
from tests.contract.conftest import StartApi
from tests.support.webhooks import SECRET

REQUEST: dict[str, object] = {"prompt": "a red apple", "num_inference_steps": 5, "seed": 42}
URL = "https://receiver.example/hook"
KEY = {"Idempotency-Key": "order-17"}


@pytest.fixture
def on(start_api: StartApi) -> httpx.Client:
    """A client of an API whose webhooks are on."""
    return start_api(webhook_secret=SECRET)


def submit(client: httpx.Client, url: str | None, **headers: str) -> httpx.Response:
    return client.post("/jobs", json={**REQUEST, "webhook_url": url}, headers=headers)


def complaint(response: httpx.Response) -> dict[str, Any]:
    """Give the one item of a 422 that names the field."""
    body = response.json()
    assert (response.status_code, body["error"]) == (422, "ValidationError")
    (item,) = body["meta"]["errors"]
    assert item["loc"] == ["body", "webhook_url"]
    return dict(item)


class TestAcceptedWebhook:
    def test_waits_for_the_end_of_its_job(self, on: httpx.Client) -> None:
        response = submit(on, URL)
        assert response.status_code == 202
        assert response.json()["webhook"] == {
            "url": URL,
            "state": "waiting",
            "deliveries": [],
            "next_at": None,
        }

    def test_is_no_part_of_the_request(self, on: httpx.Client) -> None:
        request = submit(on, URL).json()["request"]
        assert "webhook_url" not in request
        assert request["prompt"] == REQUEST["prompt"]

    def test_is_due_when_its_job_has_ended(self, on: httpx.Client, redis: Redis) -> None:
        canceled = on.delete(submit(on, URL).headers["location"]).json()
        assert canceled["webhook"]["next_at"] == canceled["finished_at"]
        assert redis.llen("webhooks") == 1

    def test_shows_how_its_deliveries_went(self, on: httpx.Client, store: JobStore) -> None:
        url = submit(on, URL).headers["location"]
        on.delete(url)
        failed = Delivery(at=store.now(), status=503, error="answered 503")
        job = store.update(
            url.removeprefix("/jobs/"), lambda job, now: job.record_delivery(failed, now)
        )
        assert job.webhook is not None
        webhook = on.get(url).json()["webhook"]
        assert webhook == job.webhook.model_dump(mode="json")
        assert webhook["deliveries"][0] == failed.model_dump(mode="json")

    @pytest.mark.parametrize("body", [{}, {"webhook_url": None}])
    def test_is_none_where_none_is_named(
        self, client: httpx.Client, body: dict[str, object]
    ) -> None:
        assert client.post("/jobs", json={**REQUEST, **body}).json()["webhook"] is None


class TestRefusedWebhook:
    def test_says_that_webhooks_are_off(self, client: httpx.Client) -> None:
        assert complaint(submit(client, URL)) == {
            "loc": ["body", "webhook_url"],
            "msg": "webhooks are off on this server, since WEBHOOK_SECRET is not set, "
            "got 'https://receiver.example/hook'",
            "type": "webhook_refused",
        }

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("http://receiver.example/", "must begin with https://"),
            ("https://127.0.0.1/", "an address that is not public"),
            ("https://[::ffff:169.254.169.254]/", "an address that is not public"),
            ("https://2130706433/", "an address that is not public"),
            ("https://localhost/", "an address that is not public"),
            ("https://user:password@receiver.example/", "a user name or password"),
            ("https://receiver.example/#part", "a fragment"),
            ("https://receiver.example/" + "a" * 2024, "at most 2048 characters"),
            ("receiver.example", "must be a URL"),
            ("", "must be a URL"),
        ],
    )
    def test_says_what_is_wrong_with_it(
        self, on: httpx.Client, redis: Redis, url: str, reason: str
    ) -> None:
        assert reason in complaint(submit(on, url))["msg"]
        assert redis.zcard("semantic-bit:queued") == 0

    @pytest.mark.parametrize("value", [7, True, ["https://receiver.example/"], {}])
    def test_may_be_no_text_at_all(self, on: httpx.Client, value: object) -> None:
        response = on.post("/jobs", json={**REQUEST, "webhook_url": value})
        assert complaint(response)["type"] == "string_type"

    def test_is_named_beside_other_wrong_fields(self, on: httpx.Client) -> None:
        response = on.post("/jobs", json={**REQUEST, "webhook_url": "x", "width": 300})
        named = [item["loc"] for item in response.json()["meta"]["errors"]]
        assert sorted(named) == [["body", "webhook_url"], ["body", "width"]]

    def test_may_be_allowed_by_the_settings(self, start_api: StartApi) -> None:
        client = start_api(
            webhook_secret=SECRET, webhook_allow_http=True, webhook_allowed_hosts="127.0.0.0/8"
        )
        assert submit(client, "http://127.0.0.1:9000/hook").status_code == 202

    @pytest.mark.parametrize("body", [{"webhook_url": URL}, {"webhook_url": None}])
    def test_is_any_of_a_blocking_call(self, on: httpx.Client, body: dict[str, object]) -> None:
        response = on.post("/generate", json={**REQUEST, **body})
        assert complaint(response)["type"] == "extra_forbidden"


class TestIdempotency:
    def test_with_the_same_webhook_is_the_same_job(self, on: httpx.Client) -> None:
        first, second = (submit(on, URL, **KEY).json() for _ in range(2))
        assert first["id"] == second["id"]

    @pytest.mark.parametrize("other", ["https://receiver.example/other", None])
    def test_with_another_webhook_is_a_conflict(self, on: httpx.Client, other: str | None) -> None:
        submit(on, URL, **KEY)
        assert submit(on, other, **KEY).json()["error"] == "IdempotencyConflict"

    def test_without_a_webhook_is_the_same_job_as_a_blocking_calls(self, on: httpx.Client) -> None:
        submitted = on.post("/jobs", json=REQUEST, headers=KEY).json()
        again = {**KEY, "Prefer": "respond-async"}
        assert on.post("/generate", json=REQUEST, headers=again).json()["id"] == submitted["id"]


def test_the_secret_is_shown_nowhere(on: httpx.Client) -> None:
    job = submit(on, URL)
    texts = [job.text, on.get(job.headers["location"]).text]
    texts += [on.get(path).text for path in ("/", "/health", "/openapi.json")]
    assert [text for text in texts if SECRET in text or SECRET[6:] in text] == []
