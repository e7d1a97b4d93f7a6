from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from redis import Redis

from api.forecast import Forecast, Forecaster, Lane, play_forward
from shared.job_parts import JobState
from shared.job_store import JobStore
from shared.jobs import Job
from shared.pace import Pace, PaceStore, Shape, ShapePace, Work
from shared.worker_registry import Heartbeat, WorkerRegistry, WorkerState
from tests.support.builders import (
    BUILD,
    OTHER_TOKEN,
    STEPS,
    TIMINGS,
    TOKEN,
    WORKER,
    bring_to,
    make_request,
    store_job,
)

SHAPE = Shape(width=256, height=256, guided=True)
UNKNOWN = Pace({})
LONG = 3600.0
NOT_AT_ALL = -1.0
FINAL = [state for state in JobState if state.is_final]

REST_SECONDS = 0.5
SECONDS_ALONE = STEPS + REST_SECONDS
"""What the job of the builders takes at the pace of `learn`."""


def seconds_a_step(seconds: float) -> Pace:
    return Pace({SHAPE: ShapePace(step_seconds=seconds, rest_seconds=0)})


def free(pace: Pace) -> Lane:
    return Lane(pace, busy_seconds=0)


def queue_of(**steps: int) -> list[tuple[str, Work]]:
    return [(job_id, Work(256, 256, count, guided=True)) for job_id, count in steps.items()]


class TestPlayForward:
    def test_has_one_worker_take_the_jobs_one_after_the_other(self) -> None:
        forecast = play_forward(queue_of(a=5, b=10, c=20), [free(seconds_a_step(2))])
        assert forecast == Forecast(
            positions={"a": 0, "b": 1, "c": 2},
            etas={"a": 10, "b": 30, "c": 70},
            next_start_seconds=70,
            first_end_seconds=10,
        )

    def test_gives_each_job_to_the_worker_that_is_free_first(self) -> None:
        forecast = play_forward(queue_of(a=10, b=5, c=6, d=20), [free(seconds_a_step(1))] * 2)
        assert forecast.etas == {"a": 10, "b": 5, "c": 11, "d": 30}
        assert (forecast.next_start_seconds, forecast.first_end_seconds) == (11, 5)

    def test_knows_that_one_worker_is_slower_than_another(self) -> None:
        lanes = [free(seconds_a_step(1)), free(seconds_a_step(10))]
        forecast = play_forward(queue_of(a=5, b=5, c=5), lanes)
        assert forecast.etas == {"a": 5, "b": 50, "c": 10}

    def test_waits_for_workers_that_paint(self) -> None:
        lanes = [Lane(seconds_a_step(1), busy_seconds=9), Lane(seconds_a_step(1), busy_seconds=3)]
        forecast = play_forward(queue_of(a=5, b=5), lanes)
        assert forecast.etas == {"a": 8, "b": 13}
        assert (forecast.next_start_seconds, forecast.first_end_seconds) == (9, 3)

    def test_of_nothing_is_that_a_free_worker_begins_at_once(self) -> None:
        forecast = play_forward([], [free(seconds_a_step(1))])
        assert forecast == Forecast({}, {}, next_start_seconds=0, first_end_seconds=None)

    def test_has_no_estimate_from_the_first_job_on_whose_pace_is_unknown(self) -> None:
        lanes = [free(seconds_a_step(1)), Lane(UNKNOWN, busy_seconds=3)]
        forecast = play_forward(queue_of(a=5, b=5, c=5), lanes)
        assert forecast == Forecast(
            positions={"a": 0, "b": 1, "c": 2},
            etas={"a": 5, "b": None, "c": None},
            next_start_seconds=None,
            first_end_seconds=3,
        )

    def test_has_no_estimate_where_no_worker_is(self) -> None:
        assert play_forward(queue_of(a=5, b=5), []) == Forecast(
            positions={"a": 0, "b": 1},
            etas={"a": None, "b": None},
            next_start_seconds=None,
            first_end_seconds=None,
        )


class TestWorkersOfDifferentModels:
    SLOW, QUICK = seconds_a_step(10), seconds_a_step(1)

    def forecast(self, queue: str, *lanes: Lane) -> Forecast:
        """Play forward jobs of five steps, each for the model of its letter."""
        jobs = [
            (f"{model}{number}", Work(256, 256, 5, guided=True, model=model))
            for number, model in enumerate(queue)
        ]
        return play_forward(jobs, lanes)

    def test_get_only_the_jobs_of_their_own(self) -> None:
        x, y = Lane(self.QUICK, 0, {"x": self.QUICK}), Lane(self.SLOW, 0, {"y": self.SLOW})
        forecast = self.forecast("xxyx", x, y)
        assert forecast.etas == {"x0": 5, "x1": 10, "y2": 50, "x3": 15}
        assert forecast.positions == {"x0": 0, "x1": 1, "y2": 0, "x3": 2}
        assert forecast.is_divided

    def test_that_share_one_count_the_jobs_of_each_other(self) -> None:
        x = Lane(self.QUICK, 0, {"x": self.QUICK})
        both = Lane(self.QUICK, 0, {"x": self.QUICK, "y": self.SLOW})
        forecast = self.forecast("xyy", x, both)
        assert forecast.positions == {"x0": 0, "y1": 1, "y2": 2}
        assert forecast.etas == {"x0": 5, "y1": 50, "y2": 100}

    def test_are_known_apart(self) -> None:
        x, y = Lane(self.QUICK, 0, {"x": self.QUICK}), Lane(UNKNOWN, 0, {"y": UNKNOWN})
        assert self.forecast("yxyz", x, y).etas == {"y0": None, "x1": 5, "y2": None, "z3": None}

    def test_are_not_divided_where_all_serve_the_same(self) -> None:
        same = {"x": self.QUICK}
        forecast = self.forecast("xx", Lane(self.QUICK, 0, same), Lane(self.SLOW, 0, same))
        assert not forecast.is_divided


class TestForecast:
    @pytest.mark.parametrize(
        ("job_id", "alone", "eta"), [("a", 9, 5), ("new", 9, 14), ("new", None, None)]
    )
    def test_has_a_job_that_is_new_come_after_all_others(
        self, job_id: str, alone: float | None, eta: float | None
    ) -> None:
        forecast = play_forward(queue_of(a=5), [free(seconds_a_step(1))])
        assert forecast.eta_seconds(job_id, alone) == eta

    @pytest.mark.parametrize("job_id", ["a", "new"])
    def test_knows_nothing_of_a_job_behind_one_of_unknown_pace(self, job_id: str) -> None:
        forecast = play_forward(queue_of(a=5), [free(UNKNOWN)])
        assert forecast.eta_seconds(job_id, 9) is None


class WatchedStore(JobStore):
    """Counts the looks at the queue."""

    looks = 0

    def queue(self, *, limit: int = 0) -> list[tuple[str, Work]]:
        self.looks += 1
        return super().queue(limit=limit)


@pytest.fixture
def store(any_redis: Redis) -> WatchedStore:
    return WatchedStore(any_redis, result_ttl=60, lease_seconds=15)


@pytest.fixture
def forecaster(any_redis: Redis, store: JobStore) -> Forecaster:
    return make_forecaster(any_redis, store, fresh_seconds=NOT_AT_ALL)


def make_forecaster(redis: Redis, store: JobStore, *, fresh_seconds: float) -> Forecaster:
    return Forecaster(store, WorkerRegistry(redis), PaceStore(redis), fresh_seconds=fresh_seconds)


def announce(redis: Redis, worker: str = WORKER, state: WorkerState = WorkerState.READY) -> None:
    build = BUILD if state is WorkerState.READY else None
    WorkerRegistry(redis).announce(Heartbeat(worker=worker, state=state, build=build))


def learn(redis: Redis) -> None:
    """Let it be known that a step takes a second."""
    timings = TIMINGS.model_copy(update={"denoise": STEPS, "total": SECONDS_ALONE})
    PaceStore(redis).learn(BUILD, Work.of(make_request()), timings)


def start(store: JobStore, job_id: str, *, seconds: float | None, worker: str = WORKER) -> Job:
    """Have a worker claim a job and expect its picture in so many seconds."""

    def claim(job: Job, now: datetime) -> Job:
        expected_at = None if seconds is None else now + timedelta(seconds=seconds)
        token = TOKEN if worker == WORKER else OTHER_TOKEN
        return job.claim(token, worker, now, expected_at=expected_at)

    return store.hold(job_id, claim)


def eta_of(forecaster: Forecaster, store: JobStore, job_id: str) -> float | None:
    return forecaster.eta_seconds(store.get(job_id))


def eta_of_new(forecaster: Forecaster, store: JobStore, job_id: str) -> float | None:
    """Store a job, and give its estimate from its rank."""
    job = store_job(store, job_id)
    return forecaster.eta_seconds(job, store.position(job_id))


class TestEta:
    def test_of_jobs_that_wait_is_from_their_place_and_the_pace(
        self, forecaster: Forecaster, store: JobStore, any_redis: Redis
    ) -> None:
        announce(any_redis)
        learn(any_redis)
        for job_id in ("a", "b"):
            store_job(store, job_id)
        etas = [eta_of(forecaster, store, job_id) for job_id in ("a", "b")]
        assert etas == [SECONDS_ALONE, 2 * SECONDS_ALONE]

    def test_of_a_job_that_waits_begins_when_the_running_one_ends(
        self, forecaster: Forecaster, store: JobStore, any_redis: Redis
    ) -> None:
        announce(any_redis)
        learn(any_redis)
        for job_id in ("a", "b"):
            store_job(store, job_id)
        start(store, "a", seconds=100)
        assert eta_of(forecaster, store, "b") == pytest.approx(100 + SECONDS_ALONE, abs=10)

    def test_of_a_job_that_waits_begins_when_the_later_one_of_its_worker_ends(
        self, forecaster: Forecaster, store: JobStore, any_redis: Redis
    ) -> None:
        announce(any_redis)
        learn(any_redis)
        for job_id in ("a", "b", "c"):
            store_job(store, job_id)
        start(store, "b", seconds=100)
        start(store, "a", seconds=0)  # Its picture is painted, and not yet kept.
        assert eta_of(forecaster, store, "c") == pytest.approx(100 + SECONDS_ALONE, abs=10)

    def test_of_a_job_that_waits_does_not_begin_later_for_the_job_of_a_worker_that_is_gone(
        self, forecaster: Forecaster, store: JobStore, any_redis: Redis
    ) -> None:
        announce(any_redis)
        learn(any_redis)
        for job_id in ("a", "b"):
            store_job(store, job_id)
        start(store, "a", seconds=100, worker="gone@here")
        assert eta_of(forecaster, store, "b") == SECONDS_ALONE

    def test_of_a_job_that_waits_counts_on_all_workers(
        self, forecaster: Forecaster, store: JobStore, any_redis: Redis
    ) -> None:
        for worker in (WORKER, "other@here"):
            announce(any_redis, worker)
        learn(any_redis)
        for job_id in ("a", "b", "c"):
            store_job(store, job_id)
        etas = [eta_of(forecaster, store, job_id) for job_id in ("a", "b", "c")]
        assert etas == [SECONDS_ALONE, SECONDS_ALONE, 2 * SECONDS_ALONE]

    def test_of_a_job_that_waits_counts_on_no_worker_that_loads_its_model(
        self, forecaster: Forecaster, store: JobStore, any_redis: Redis
    ) -> None:
        announce(any_redis, state=WorkerState.LOADING)
        learn(any_redis)
        store_job(store, "a")
        assert eta_of(forecaster, store, "a") is None

    def test_of_a_job_that_waits_is_unknown_before_the_first_picture(
        self, forecaster: Forecaster, store: JobStore, any_redis: Redis
    ) -> None:
        announce(any_redis)
        store_job(store, "a")
        assert eta_of(forecaster, store, "a") is None

    @pytest.mark.parametrize("seconds", [100, None])
    def test_of_a_running_job_is_what_its_attempt_expects(
        self, forecaster: Forecaster, store: JobStore, seconds: float | None
    ) -> None:
        store_job(store, "a")
        start(store, "a", seconds=seconds)
        expected = None if seconds is None else pytest.approx(seconds, abs=10)
        assert eta_of(forecaster, store, "a") == expected

    @pytest.mark.parametrize("state", [JobState.CANCELING, *FINAL])
    def test_of_a_job_that_gets_no_picture_any_more_is_none(
        self, forecaster: Forecaster, store: JobStore, any_redis: Redis, state: JobState
    ) -> None:
        announce(any_redis)
        learn(any_redis)
        bring_to(store, state, "a")
        assert eta_of(forecaster, store, "a") is None


class TestCurrent:
    def test_tells_the_places_of_the_jobs_that_wait(
        self, forecaster: Forecaster, store: JobStore
    ) -> None:
        for job_id in ("c", "a", "b"):
            store_job(store, job_id)
        start(store, "c", seconds=None)
        assert forecaster.current().positions == {"a": 0, "b": 1}

    def test_is_what_was_seen_a_moment_ago(self, any_redis: Redis, store: WatchedStore) -> None:
        forecaster = make_forecaster(any_redis, store, fresh_seconds=LONG)
        assert forecaster.current() is forecaster.current()
        assert store.looks == 1

    def test_is_looked_at_once_for_all_who_ask_at_once(
        self, any_redis: Redis, store: WatchedStore
    ) -> None:
        forecaster = make_forecaster(any_redis, store, fresh_seconds=LONG)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: forecaster.current(), range(8)))
        assert store.looks == 1

    def test_is_looked_at_again_after_a_moment(
        self, forecaster: Forecaster, store: WatchedStore
    ) -> None:
        assert forecaster.current().positions == {}
        store_job(store, "a")
        assert forecaster.current().positions == {"a": 0}
        assert store.looks == 2

    def test_is_overtaken_by_a_new_job_that_comes_after_all_others(
        self, any_redis: Redis, store: JobStore
    ) -> None:
        announce(any_redis)
        learn(any_redis)
        forecaster = make_forecaster(any_redis, store, fresh_seconds=LONG)
        store_job(store, "a")
        forecaster.current()
        store_job(store, "new", num_inference_steps=10)
        assert eta_of(forecaster, store, "new") == SECONDS_ALONE + 10 + REST_SECONDS

    def test_knows_the_jobs_that_came_in_the_same_burst(
        self, any_redis: Redis, store: JobStore
    ) -> None:
        announce(any_redis)
        learn(any_redis)
        forecaster = make_forecaster(any_redis, store, fresh_seconds=LONG)
        forecaster.current()
        for job_id in "abc":
            store_job(store, job_id)
        assert eta_of(forecaster, store, "c") == 3 * SECONDS_ALONE

    def test_plays_on_with_what_comes_right_behind_the_known(
        self, any_redis: Redis, store: WatchedStore
    ) -> None:
        announce(any_redis)
        learn(any_redis)
        forecaster = make_forecaster(any_redis, store, fresh_seconds=LONG)
        forecaster.current()
        etas = [eta_of_new(forecaster, store, job_id) for job_id in "abc"]
        assert etas == [SECONDS_ALONE, 2 * SECONDS_ALONE, 3 * SECONDS_ALONE]
        assert store.looks == 1

    def test_leaves_places_for_those_of_a_burst_that_come_later(
        self, any_redis: Redis, store: WatchedStore
    ) -> None:
        announce(any_redis)
        learn(any_redis)
        forecaster = make_forecaster(any_redis, store, fresh_seconds=LONG)
        forecaster.current()
        jobs = [store_job(store, job_id) for job_id in "ab"]
        assert forecaster.eta_seconds(jobs[1], 1) == 2 * SECONDS_ALONE
        assert forecaster.eta_seconds(jobs[0], 0) == SECONDS_ALONE
        assert store.looks == 1

    def test_looks_again_where_the_one_before_it_has_moved_up(
        self, any_redis: Redis, store: WatchedStore
    ) -> None:
        announce(any_redis)
        learn(any_redis)
        forecaster = make_forecaster(any_redis, store, fresh_seconds=LONG)
        forecaster.current()
        eta_of_new(forecaster, store, "a")
        start(store, "a", seconds=100)
        assert eta_of_new(forecaster, store, "b") == pytest.approx(100 + SECONDS_ALONE, abs=10)
        assert store.looks == 2

    def test_says_the_same_of_it_again(self, any_redis: Redis, store: WatchedStore) -> None:
        announce(any_redis)
        learn(any_redis)
        forecaster = make_forecaster(any_redis, store, fresh_seconds=LONG)
        forecaster.current()
        job = store_job(store, "a")
        assert forecaster.eta_seconds(job, 0) == forecaster.eta_seconds(job, 0) == SECONDS_ALONE

    def test_looks_again_for_what_has_overtaken_others(
        self, any_redis: Redis, store: WatchedStore
    ) -> None:
        announce(any_redis)
        learn(any_redis)
        store_job(store, "a")
        forecaster = make_forecaster(any_redis, store, fresh_seconds=LONG)
        forecaster.current()
        start(store, "a", seconds=100)
        assert eta_of_new(forecaster, store, "b") == pytest.approx(100 + SECONDS_ALONE, abs=10)
        assert store.looks == 2
