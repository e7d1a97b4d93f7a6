from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import httpx
import pytest
from redis import Redis

from shared.generation import GenerationRequest
from shared.job_parts import JobState
from shared.job_store import JobStore
from shared.pace import PaceStore, Work
from shared.worker_groups import GENERATE
from tests.contract.serving import LOADING, announce, working
from tests.support.builders import BUILD, TIMINGS, TOKEN, WORKER, bring_to, store_job
from tests.support.pipelines import PATIENCE_SECONDS, PaintsFlat, PaintsUntilInterrupted
from tests.support.runners import make_runner
from tests.unit.eventually import eventually

REQUEST: dict[str, object] = {"prompt": "a red apple", "num_inference_steps": 5, "seed": 42}
FIELDS = [
    "id",
    "state",
    "created_at",
    "started_at",
    "finished_at",
    "position",
    "eta_seconds",
    "progress",
    "attempt",
    "attempts",
    "request",
    "priority",
    "result",
    "error",
    "cancellation",
    "webhook",
    "request_id",
    "urls",
]
FINAL = [state for state in JobState if state.is_final]


class TestSubmit:
    def test_gives_the_job_and_where_to_find_it(self, client: httpx.Client) -> None:
        response = client.post("/jobs", json=REQUEST)
        job = response.json()
        url = f"/jobs/{job['id']}"
        assert response.status_code == 202
        assert response.headers["location"] == url
        assert job["urls"] == {
            "self": url,
            "image": f"{url}/image",
            "events": f"{url}/events",
            "cancel": url,
        }
        assert (job["state"], job["position"], job["attempt"]) == ("queued", 0, 0)

    def test_fills_the_request_in_and_draws_its_seed(self, client: httpx.Client) -> None:
        request = client.post("/jobs", json={"prompt": "a red apple"}).json()["request"]
        seed = request.pop("seed")
        assert 0 <= seed < 2**32
        assert request == {
            "prompt": "a red apple",
            "negative_prompt": None,
            "init_image": None,
            "strength": None,
            "mask": None,
            "num_inference_steps": 28,
            "guidance_scale": 7.0,
            "height": 512,
            "width": 512,
            "scheduler": "dpmsolver++",
            "embed_metadata": True,
            "loras": [],
            "model": "demo",
        }

    def test_wakes_a_worker(self, client: httpx.Client, redis: Redis, store: JobStore) -> None:
        job_id = client.post("/jobs", json=REQUEST).json()["id"]
        with working(redis):
            client.get(f"/jobs/{job_id}", params={"wait": 20})
        assert store.get(job_id).state is JobState.SUCCEEDED

    def test_gives_each_its_place(self, client: httpx.Client) -> None:
        positions = [client.post("/jobs", json=REQUEST).json()["position"] for _ in range(3)]
        assert positions == [0, 1, 2]


class TestRead:
    @pytest.mark.parametrize("state", JobState)
    def test_has_all_fields_in_every_state(
        self, client: httpx.Client, store: JobStore, state: JobState
    ) -> None:
        bring_to(store, state, "a")
        job = client.get("/jobs/a").json()
        assert list(job) == FIELDS
        assert job["state"] == state

    @pytest.mark.parametrize("state", JobState)
    def test_has_a_result_an_error_and_an_end_as_the_state_says(
        self, client: httpx.Client, store: JobStore, state: JobState
    ) -> None:
        bring_to(store, state, "a")
        job = client.get("/jobs/a").json()
        there = [job[field] is not None for field in ("result", "error", "finished_at", "position")]
        assert there == [
            state is JobState.SUCCEEDED,
            state is JobState.FAILED,
            state.is_final,
            state is JobState.QUEUED,
        ]

    def test_tells_every_time_in_utc(self, client: httpx.Client, store: JobStore) -> None:
        bring_to(store, JobState.SUCCEEDED, "a")
        job = client.get("/jobs/a").json()
        times = [
            datetime.fromisoformat(job[f"{name}_at"]) for name in ("created", "started", "finished")
        ]
        assert {time.utcoffset() for time in times} == {timedelta()}
        assert times == sorted(times)

    def test_tells_how_the_picture_was_made(
        self, client: httpx.Client, redis: Redis, store: JobStore
    ) -> None:
        store_job(store, "a")
        make_runner(redis, PaintsFlat()).run("a")
        job = client.get("/jobs/a").json()
        assert job["result"]["build"] == BUILD.model_dump()
        assert job["progress"] == {"step": 5, "total": 5, "fraction": 1.0}

    def test_estimates_the_picture_once_one_was_painted(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        first, second = (client.post("/jobs", json=REQUEST).json()["id"] for _ in range(2))
        eventually(lambda: eta_of(client, first), until=lambda eta: eta is None)
        learn_pace(redis)
        eventually(
            lambda: [eta_of(client, job_id) for job_id in (first, second)],
            until=lambda etas: etas == [2.5, 5.0],
        )

    def test_estimates_nothing_where_no_worker_is_ready(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        learn_pace(redis)
        announce(redis, LOADING)
        job_id = client.post("/jobs", json=REQUEST).json()["id"]
        eventually(lambda: eta_of(client, job_id), until=lambda eta: eta is None)

    def test_estimates_the_picture_of_a_running_job_from_its_attempt(
        self, client: httpx.Client, store: JobStore
    ) -> None:
        store_job(store, "a")
        store.hold(
            "a",
            lambda job, now: job.claim(TOKEN, WORKER, now, expected_at=now + timedelta(hours=1)),
        )
        eta = eta_of(client, "a")
        assert eta is not None
        assert 3500 < eta <= 3600


class TestReadAll:
    def test_gives_the_newest_first_as_each_of_them_is_read(
        self, client: httpx.Client, store: JobStore
    ) -> None:
        for state in (JobState.CANCELED, JobState.SUCCEEDED, JobState.RUNNING):
            bring_to(store, state, state.value)
        page = client.get("/jobs").json()
        jobs = [client.get(f"/jobs/{job}").json() for job in ("running", "succeeded", "canceled")]
        assert page == {"jobs": jobs, "next_cursor": None}

    def test_gives_nothing_where_nothing_is(self, client: httpx.Client) -> None:
        assert client.get("/jobs").json() == {"jobs": [], "next_cursor": None}

    @pytest.mark.parametrize("state", JobState)
    def test_may_be_of_one_state(
        self, client: httpx.Client, store: JobStore, state: JobState
    ) -> None:
        for each in JobState:
            bring_to(store, each, each.value)
        assert ids_on(client, state=state) == [state]

    @pytest.mark.parametrize(
        "states", [["queued", "running"], ["running", "queued"], ["queued", "queued", "running"]]
    )
    def test_may_be_of_several_states(
        self, client: httpx.Client, store: JobStore, states: list[str]
    ) -> None:
        for each in JobState:
            bring_to(store, each, each.value)
        assert ids_on(client, state=states) == ["running", "queued"]

    def test_gives_twenty_unless_asked_for_another_number(
        self, client: httpx.Client, store: JobStore
    ) -> None:
        for number in range(25):
            store_job(store, f"job-{number}")
        counts = [len(ids_on(client)), *(len(ids_on(client, limit=limit)) for limit in (1, 100))]
        assert counts == [20, 1, 25]

    def test_leads_to_the_next_page_until_there_is_none(self, client: httpx.Client) -> None:
        job_ids = [client.post("/jobs", json=REQUEST).json()["id"] for _ in range(5)]
        pages: list[list[str]] = []
        params: dict[str, str | int] = {"limit": 2}
        while not pages or params["cursor"]:
            page = client.get("/jobs", params=params).json()
            pages.append([job["id"] for job in page["jobs"]])
            params["cursor"] = page["next_cursor"]
        e, d, c, b, a = reversed(job_ids)
        assert pages == [[e, d], [c, b], [a]]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("limit", "0"),
            ("limit", "101"),
            ("limit", "x"),
            ("state", "paused"),
            ("cursor", "x"),
            ("cursor", ""),
            ("cursor", "0000000000000001:a"),
            ("cursor", "[0000000000000001:00000000-0000-0000-0000-000000000000"),
            ("cursor", "0000000000000001:00000000-0000-0000-0000-000000000000\n"),
        ],
    )
    def test_names_the_parameter_that_is_wrong(
        self, client: httpx.Client, name: str, value: str
    ) -> None:
        response = client.get("/jobs", params={name: value})
        body = response.json()
        assert response.status_code == 422
        assert (body["error"], body["code"]) == ("ValidationError", 422)
        (error,) = body["meta"]["errors"]
        assert error["loc"][:2] == ["query", name]


def learn_pace(redis: Redis) -> None:
    """Let a picture of `REQUEST` have taken two and a half seconds."""
    timings = TIMINGS.model_copy(update={"denoise": 2.0, "total": 2.5})
    PaceStore(redis).learn(BUILD, Work.of(GenerationRequest.model_validate(REQUEST)), timings)


def eta_of(client: httpx.Client, job_id: str) -> float | None:
    eta: float | None = client.get(f"/jobs/{job_id}").json()["eta_seconds"]
    return eta


def ids_on(client: httpx.Client, **params: str | int | list[str]) -> list[str]:
    """Give the ids on a page."""
    page = client.get("/jobs", params=params).json()
    return [job["id"] for job in page["jobs"]]


class TestWait:
    def test_answers_when_the_job_has_ended(self, client: httpx.Client, redis: Redis) -> None:
        url = client.post("/jobs", json=REQUEST).headers["location"]
        with working(redis):
            assert client.get(url, params={"wait": 20}).json()["state"] == "succeeded"

    def test_answers_with_the_job_as_it_stands_when_the_time_is_over(
        self, client: httpx.Client
    ) -> None:
        url = client.post("/jobs", json=REQUEST).headers["location"]
        response = client.get(url, params={"wait": 0.05})
        assert (response.status_code, response.json()["state"]) == (200, "queued")

    @pytest.mark.parametrize("state", FINAL)
    def test_answers_at_once_for_a_job_that_has_ended(
        self, client: httpx.Client, store: JobStore, state: JobState
    ) -> None:
        bring_to(store, state, "a")
        response = client.get("/jobs/a", params={"wait": 60}, timeout=10)
        assert response.json()["state"] == state


class TestCancel:
    def test_ends_a_queued_job_at_once(self, client: httpx.Client, store: JobStore) -> None:
        url = client.post("/jobs", json=REQUEST).headers["location"]
        response = client.delete(url)
        assert (response.status_code, response.json()["state"]) == (200, "canceled")
        assert store.queued_ids() == []

    def test_of_a_queued_job_keeps_it_from_being_painted(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        url = client.post("/jobs", json=REQUEST).headers["location"]
        client.delete(url)
        pipeline = PaintsFlat()
        with working(redis, pipeline):
            pass
        assert pipeline.painted == []
        assert redis.llen(GENERATE) == 0

    def test_stops_a_running_job(self, client: httpx.Client, redis: Redis) -> None:
        url = client.post("/jobs", json=REQUEST).headers["location"]
        pipeline = PaintsUntilInterrupted()
        with ThreadPoolExecutor(1) as thread:
            run = thread.submit(make_runner(redis, pipeline).run, url.removeprefix("/jobs/"))
            assert pipeline.painting.wait(PATIENCE_SECONDS)
            assert client.delete(url).json()["state"] in {"canceling", "canceled"}
            run.result(PATIENCE_SECONDS)
        assert client.get(url).json()["state"] == "canceled"

    @pytest.mark.parametrize("state", FINAL)
    def test_leaves_a_finished_job_as_it_is(
        self, client: httpx.Client, store: JobStore, state: JobState
    ) -> None:
        finished = bring_to(store, state, "a")
        response = client.delete("/jobs/a")
        assert (response.status_code, response.json()["state"]) == (200, state)
        assert store.get("a") == finished

    @pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
    def test_may_be_repeated(self, client: httpx.Client, store: JobStore, state: JobState) -> None:
        bring_to(store, state, "a")
        first, second = client.delete("/jobs/a"), client.delete("/jobs/a")
        assert (first.status_code, first.json()) == (200, second.json())

    def test_leaves_other_jobs_alone(self, client: httpx.Client) -> None:
        first, second = (client.post("/jobs", json=REQUEST).headers["location"] for _ in range(2))
        client.delete(first)
        assert client.get(second).json()["state"] == "queued"
