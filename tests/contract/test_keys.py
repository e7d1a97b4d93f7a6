import hashlib
from pathlib import Path

import httpx
import pytest
from redis import Redis

from shared.job_parts import JobState, Priority
from shared.job_store import JobStore
from tests.contract.conftest import StartApi
from tests.contract.serving import working

REQUEST = {"prompt": "a red apple", "num_inference_steps": 5, "width": 256, "height": 256}
ONE = {"Authorization": "Bearer one"}
OTHER = {"Authorization": "Bearer other"}


@pytest.fixture
def client(start_api: StartApi) -> httpx.Client:
    return start_api(api_key="one,other", max_concurrent_requests=100)


class TestJobsOfAnotherKey:
    @pytest.mark.parametrize("end", ["", "/image", "/events", "?wait=1"])
    def test_are_not_there(self, client: httpx.Client, end: str) -> None:
        url = client.post("/jobs", json=REQUEST, headers=ONE).headers["location"]
        response = client.get(f"{url}{end}", headers=OTHER)
        assert (response.status_code, response.json()["error"]) == (404, "NotFound")

    def test_cannot_be_canceled(self, client: httpx.Client, store: JobStore) -> None:
        job = client.post("/jobs", json=REQUEST, headers=ONE).json()
        assert client.delete(job["urls"]["cancel"], headers=OTHER).status_code == 404
        assert store.get(job["id"]).state is JobState.QUEUED

    def test_are_not_listed(self, client: httpx.Client) -> None:
        jobs = [client.post("/jobs", json=REQUEST, headers=key).json() for key in (ONE, OTHER)]
        for key, job in zip((ONE, OTHER), jobs, strict=True):
            for query in ("", "?state=queued", "?state=queued&state=running"):
                listed = client.get(f"/jobs{query}", headers=key).json()["jobs"]
                assert [one["id"] for one in listed] == [job["id"]]

    def test_do_not_share_an_idempotency_key(self, client: httpx.Client) -> None:
        ids = {
            client.post("/jobs", json=REQUEST, headers={**key, "Idempotency-Key": "k"}).json()["id"]
            for key in (ONE, OTHER)
        }
        assert len(ids) == 2


class TestKeysFile:
    def test_lets_a_caller_keep_its_jobs_when_its_key_changes(
        self, start_api: StartApi, tmp_path: Path
    ) -> None:
        hashes = [hashlib.sha256(key).hexdigest() for key in (b"one", b"other")]
        file = tmp_path / "keys.toml"
        file.write_text(f'[django]\nsha256 = ["{hashes[0]}", "{hashes[1]}"]\n')
        client = start_api(api_keys_file=file)
        url = client.post("/jobs", json=REQUEST, headers=ONE).headers["location"]
        assert client.get(url, headers=OTHER).status_code == 200
        assert client.get(url).status_code == 401


class TestRate:
    def test_is_told_with_every_submit(self, start_api: StartApi) -> None:
        client = start_api(rate_limit="5/minute")
        response = client.post("/jobs", json=REQUEST)
        assert response.headers["ratelimit-policy"] == '"submits";q=5;w=60'
        assert response.headers["ratelimit"].startswith('"submits";r=4;t=')

    def test_past_which_a_submit_is_refused(self, start_api: StartApi) -> None:
        client = start_api(rate_limit="2/hour")
        for _ in range(2):
            client.post("/jobs", json=REQUEST)
        response = client.post("/jobs", json=REQUEST)
        assert (response.status_code, response.json()["error"]) == (429, "RateLimited")
        seconds = int(response.headers["retry-after"])
        assert 0 < seconds <= 3600
        assert response.headers["ratelimit"] == f'"submits";r=0;t={seconds}'

    def test_is_each_keys_own(self, start_api: StartApi) -> None:
        client = start_api(api_key="one,other", rate_limit="1/hour")
        statuses = [
            client.post("/jobs", json=REQUEST, headers=key).status_code for key in (ONE, ONE, OTHER)
        ]
        assert statuses == [202, 429, 202]

    def test_does_not_count_what_only_reads(self, start_api: StartApi) -> None:
        client = start_api(rate_limit="1/hour")
        url = client.post("/jobs", json=REQUEST).headers["location"]
        assert [client.get(url).status_code for _ in range(3)] == [200, 200, 200]


class TestJobsAtOnce:
    def test_are_limited_for_each_key(self, start_api: StartApi) -> None:
        client = start_api(api_key="one,other", max_jobs_per_key=1)
        statuses = [
            client.post("/jobs", json=REQUEST, headers=key).status_code for key in (ONE, ONE, OTHER)
        ]
        assert statuses == [202, 429, 202]


class TestTurns:
    def test_let_one_job_of_a_key_pass_the_many_of_another(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        many = [client.post("/jobs", json=REQUEST, headers=ONE).json() for _ in range(20)]
        one = client.post("/jobs", json=REQUEST, headers=OTHER).json()
        assert one["position"] <= 2
        with working(redis):
            ended = client.get(one["urls"]["self"], params={"wait": 60}, headers=OTHER).json()
            assert ended["state"] == "succeeded"
            for job in many:
                ended = client.get(job["urls"]["self"], params={"wait": 60}, headers=ONE).json()
                assert ended["state"] == "succeeded"

    def test_of_low_priority_come_last(self, client: httpx.Client) -> None:
        low = client.post("/jobs", json={**REQUEST, "priority": Priority.LOW}, headers=ONE).json()
        client.post("/jobs", json=REQUEST, headers=ONE)
        again = client.get(low["urls"]["self"], headers=ONE).json()
        assert (again["priority"], again["position"]) == ("low", 1)


class TestBrowsers:
    def test_of_named_origins_may_call(self, start_api: StartApi) -> None:
        client = start_api(cors_origins="https://one.example, https://two.example")
        response = client.get("/livez", headers={"Origin": "https://two.example"})
        assert response.headers["access-control-allow-origin"] == "https://two.example"
        response = client.get("/livez", headers={"Origin": "https://three.example"})
        assert "access-control-allow-origin" not in response.headers

    def test_do_not_guess_what_an_answer_is(self, client: httpx.Client) -> None:
        for path in ("/livez", "/jobs/none", "/nowhere"):
            assert client.get(path, headers=ONE).headers["x-content-type-options"] == "nosniff"


class TestOpenDoors:
    @pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/metrics"])
    def test_can_be_closed(self, start_api: StartApi, path: str) -> None:
        client = start_api(docs_enabled=False, metrics_enabled=False)
        assert client.get(path).status_code == 404
