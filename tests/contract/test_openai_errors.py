"""What OpenAI's own client makes of our errors, and of several pictures of one call."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import openai
import pytest
from openai import OpenAI
from redis import Redis

from shared.job_parts import CancelReason
from shared.job_store import JobStore
from shared.worker_registry import WorkerRegistry
from tests.contract.conftest import StartApi
from tests.contract.openai_client import UNSEEDED, ConnectTo, extra, generate, images, job_ids
from tests.contract.serving import make_store, working
from tests.support.builders import WORKER
from tests.support.pipelines import PaintsUntilInterrupted, runs_out_of_memory
from tests.unit.eventually import eventually

JSON = {"Content-Type": "application/json"}
KEY = {"Idempotency-Key": "order-17"}
ENVELOPE = {"message", "type", "param", "code"}

Provoke = Callable[[httpx.Client], httpx.Response]


def post(**fields: object) -> Provoke:
    return lambda api: api.post("/v1/images/generations", json=fields)


def post_text(content: bytes) -> Provoke:
    return lambda api: api.post("/v1/images/generations", content=content, headers=JSON)


def canceled_as(store: JobStore, job_id: str) -> CancelReason:
    cancellation = store.get(job_id).cancellation
    assert cancellation is not None
    return cancellation.reason


class TestEnvelope:
    @pytest.mark.parametrize(
        ("provoke", "status", "param_and_code"),
        [
            (post(), 400, ("prompt", "missing_required_parameter")),
            (post(prompt="a", x=1), 400, ("x", "unknown_parameter")),
            (post(prompt=""), 400, ("prompt", "invalid_value")),
            (post_text(b"{"), 400, (None, "bad_request")),
            (post_text(b"[]"), 400, (None, "invalid_value")),
            (post_text(b" " * 100_000), 413, (None, "payload_too_large")),
            (lambda api: api.post("/v1/completions"), 404, (None, "not_found")),
            (lambda api: api.get("/v1/images/generations"), 405, (None, "method_not_allowed")),
        ],
    )
    def test_has_all_four_keys(
        self,
        client: httpx.Client,
        provoke: Provoke,
        status: int,
        param_and_code: tuple[str | None, str],
    ) -> None:
        response = provoke(client)
        assert response.status_code == status
        assert set(response.json()) == {"error"}
        error = response.json()["error"]
        assert set(error) == ENVELOPE
        assert error["type"] == "invalid_request_error"
        assert (error["param"], error["code"]) == param_and_code
        assert error["message"]
        assert response.headers["x-should-retry"] == "false"

    def test_of_a_wrong_key(self, start_api: StartApi, connect_to: ConnectTo) -> None:
        client = connect_to(start_api(api_key="right"), api_key="wrong")
        with pytest.raises(openai.AuthenticationError) as refused:
            generate(client)
        assert refused.value.code == "invalid_api_key"
        assert refused.value.response.headers["www-authenticate"] == "Bearer"

    def test_is_not_put_around_the_errors_of_other_routes(self, client: httpx.Client) -> None:
        assert set(client.post("/generate").json()) == {"error", "code", "detail", "meta"}


class TestErrors:
    def test_of_a_full_queue_say_when_to_come_again(
        self, start_api: StartApi, connect_to: ConnectTo
    ) -> None:
        api = start_api(max_concurrent_requests=1)
        api.post("/jobs", json={"prompt": "a"})
        with pytest.raises(openai.RateLimitError) as refused:
            generate(connect_to(api))
        headers = refused.value.response.headers
        assert (refused.value.code, refused.value.type) == ("queue_full", "rate_limit_error")
        assert (headers["retry-after"], headers["x-should-retry"]) == ("10", "true")

    def test_of_an_absent_worker_say_when_to_come_again(
        self, openai_client: OpenAI, redis: Redis
    ) -> None:
        WorkerRegistry(redis).withdraw(WORKER)
        with pytest.raises(openai.InternalServerError) as refused:
            generate(openai_client)
        assert refused.value.status_code == 503
        assert refused.value.code == "model_not_loaded"
        assert refused.value.response.headers["x-should-retry"] == "true"

    def test_of_a_painting_that_failed_are_not_tried_again(
        self, client: httpx.Client, connect_to: ConnectTo, redis: Redis
    ) -> None:
        patient = connect_to(client, max_retries=2)
        with (
            working(redis, runs_out_of_memory()),
            pytest.raises(openai.InternalServerError) as refused,
        ):
            generate(patient)
        assert refused.value.code == "generation_failed"
        assert len(job_ids(redis)) == 1

    def test_of_a_late_picture_are_not_tried_again_without_a_key(
        self, start_api: StartApi, connect_to: ConnectTo, redis: Redis
    ) -> None:
        patient = connect_to(start_api(request_timeout=0.05), max_retries=2)
        with pytest.raises(openai.InternalServerError) as refused:
            generate(patient)
        (job_id,) = job_ids(redis)
        assert (refused.value.status_code, refused.value.code) == (504, "generation_timeout")
        assert f"/jobs/{job_id}/image" in refused.value.message
        assert refused.value.response.headers["location"] == f"/jobs/{job_id}"

    def test_of_late_pictures_say_where_each_can_be_collected(
        self, start_api: StartApi, connect_to: ConnectTo, redis: Redis
    ) -> None:
        with pytest.raises(openai.InternalServerError) as refused:
            generate(connect_to(start_api(request_timeout=0.05)), n=2)
        waiting = make_store(redis).queued_ids()
        assert len(waiting) == 2
        assert all(f"/jobs/{job_id}" in refused.value.message for job_id in waiting)

    def test_of_a_picture_that_somebody_canceled_are_not_tried_again(
        self, client: httpx.Client, connect_to: ConnectTo, redis: Redis
    ) -> None:
        pipeline = PaintsUntilInterrupted()
        patient = connect_to(client, max_retries=2)
        with working(redis, pipeline), ThreadPoolExecutor() as threads:
            answer = threads.submit(generate, patient)
            assert pipeline.painting.wait(20)
            client.delete(f"/jobs/{job_ids(redis)[0]}")
            with pytest.raises(openai.ConflictError) as refused:
                answer.result()
        assert refused.value.code == "job_canceled"
        assert len(job_ids(redis)) == 1


class TestSeveral:
    def test_are_admitted_all_or_none(
        self, start_api: StartApi, connect_to: ConnectTo, store: JobStore, redis: Redis
    ) -> None:
        api = start_api(max_concurrent_requests=3)
        others = {api.post("/jobs", json={"prompt": "a"}).json()["id"] for _ in range(2)}
        with pytest.raises(openai.RateLimitError):
            generate(connect_to(api), n=2)
        assert set(store.queued_ids()) == others
        (refused,) = set(job_ids(redis)) - others
        assert canceled_as(store, refused) is CancelReason.SERIES_REFUSED

    def test_are_all_canceled_when_the_client_leaves(
        self, openai_client: OpenAI, redis: Redis, store: JobStore
    ) -> None:
        with pytest.raises(openai.APITimeoutError):
            generate(openai_client, n=3, timeout=0.3)
        eventually(store.queued_ids, until=lambda ids: not ids)
        reasons = [canceled_as(store, job_id) for job_id in job_ids(redis)]
        assert reasons == [CancelReason.CLIENT_DISCONNECTED] * 3

    def test_of_the_same_idempotency_key_are_the_same(
        self, openai_client: OpenAI, redis: Redis
    ) -> None:
        with working(redis):
            first, second = (
                images(generate(openai_client, n=2, ours=UNSEEDED, extra_headers=KEY))
                for _ in range(2)
            )
        assert [extra(one, "job_id") for one in first] == [extra(one, "job_id") for one in second]
        assert len(job_ids(redis)) == 2

    def test_that_were_refused_have_their_seeds_when_the_same_key_comes_again(
        self, start_api: StartApi, connect_to: ConnectTo, store: JobStore, redis: Redis
    ) -> None:
        api = start_api(max_concurrent_requests=2)
        other = api.post("/jobs", json={"prompt": "a"}).json()["id"]
        with pytest.raises(openai.RateLimitError):
            generate(connect_to(api), n=2, ours=UNSEEDED, extra_headers=KEY)
        (refused,) = set(job_ids(redis)) - {other}
        api.delete(f"/jobs/{other}")
        with working(redis):
            again = images(generate(connect_to(api), n=2, ours=UNSEEDED, extra_headers=KEY))
        assert extra(again[0], "seed") == store.get(refused).request.seed

    def test_that_are_late_are_waited_for_again_with_the_same_key(
        self, start_api: StartApi, connect_to: ConnectTo, redis: Redis
    ) -> None:
        api = start_api(request_timeout=0.2)
        with pytest.raises(openai.InternalServerError):
            generate(connect_to(api), n=2, extra_headers=KEY)
        with working(redis):
            late = images(generate(connect_to(api, max_retries=5), n=2, extra_headers=KEY))
        assert {extra(one, "job_id") for one in late} == set(job_ids(redis))
