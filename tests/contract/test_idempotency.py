import httpx
import pytest
from redis import Redis

from shared.job_store import JobStore
from tests.contract.conftest import StartApi
from tests.contract.serving import working
from tests.support.runners import make_runner

REQUEST: dict[str, object] = {"prompt": "a red apple", "num_inference_steps": 5}
KEY = {"Idempotency-Key": "order-17"}


def submit(client: httpx.Client, headers: dict[str, str] = KEY, **fields: object) -> httpx.Response:
    return client.post("/jobs", json={**REQUEST, **fields}, headers=headers)


class TestSameKey:
    def test_with_the_same_body_is_the_same_job(
        self, client: httpx.Client, store: JobStore
    ) -> None:
        first, second = submit(client), submit(client)
        assert (first.status_code, second.status_code) == (202, 202)
        assert first.json()["id"] == second.json()["id"]
        assert len(store.queued_ids()) == 1

    def test_is_the_same_job_after_it_finished(self, client: httpx.Client, redis: Redis) -> None:
        first = submit(client).json()
        make_runner(redis).run(first["id"])
        again = submit(client).json()
        assert (again["id"], again["state"]) == (first["id"], "succeeded")

    def test_gives_a_blocking_call_the_very_picture(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        with working(redis):
            first, second = (client.post("/generate", json=REQUEST, headers=KEY) for _ in range(2))
        assert second.content == first.content
        assert second.headers["x-job-id"] == first.headers["x-job-id"]

    def test_is_answered_when_no_worker_is_there(self, client: httpx.Client, redis: Redis) -> None:
        first = submit(client).json()
        redis.delete("semantic-bit:workers")
        assert submit(client).json()["id"] == first["id"]

    def test_is_answered_when_the_queue_is_full(self, start_api: StartApi) -> None:
        client = start_api(max_concurrent_requests=1)
        first = submit(client).json()
        assert submit(client, headers={}).status_code == 429
        assert submit(client).json()["id"] == first["id"]

    def test_with_another_body_is_refused(self, client: httpx.Client, store: JobStore) -> None:
        first = submit(client).json()
        refused = submit(client, prompt="a green apple")
        assert refused.status_code == 422
        assert refused.json()["error"] == "IdempotencyConflict"
        assert refused.json()["meta"] == {"job_id": first["id"]}
        assert len(store.queued_ids()) == 1

    def test_with_a_default_spelled_out_is_another_body(self, start_api: StartApi) -> None:
        client = start_api(default_steps=20)
        first = client.post("/jobs", json={"prompt": "a red apple"}, headers=KEY)
        assert first.json()["request"]["num_inference_steps"] == 20
        spelled_out = {"prompt": "a red apple", "num_inference_steps": 28}
        assert client.post("/jobs", json=spelled_out, headers=KEY).status_code == 422

    def test_of_another_client_is_another_job(self, start_api: StartApi) -> None:
        client = start_api(api_key="one, two")
        jobs = [
            submit(client, {**KEY, "Authorization": f"Bearer {key}"}).json()["id"]
            for key in ("one", "two")
        ]
        assert len(set(jobs)) == 2

    def test_expires_with_its_job(self, client: httpx.Client, redis: Redis) -> None:
        job_id = submit(client).json()["id"]
        (key,) = redis.scan_iter("semantic-bit:idempotency:?*")
        assert redis.ttl(key) == -1
        make_runner(redis).run(job_id)
        assert 0 < redis.ttl(key) <= redis.ttl(f"semantic-bit:job:{job_id}")


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_of_a_wrong_length_is_refused_and_named(client: httpx.Client, key: str) -> None:
    refused = submit(client, {"Idempotency-Key": key})
    assert refused.status_code == 422
    assert refused.json()["meta"]["errors"][0]["loc"] == ["header", "Idempotency-Key"]
