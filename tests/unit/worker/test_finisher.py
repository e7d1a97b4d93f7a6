"""What is done behind the painting of the next picture, and in which order."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event, Thread

import pytest
from redis import Redis
from structlog.contextvars import get_contextvars
from structlog.testing import capture_logs

from shared.job_parts import JobState
from shared.job_store import JobStore
from shared.jobs import Job
from shared.keys import HELD
from shared.redis_images import RedisImages
from tests.support.builders import store_job
from tests.support.pipelines import PATIENCE_SECONDS, PaintsFlat, RaisesAfterAStep
from tests.support.runners import make_runner
from tests.unit.eventually import eventually
from worker.finisher import Finisher
from worker.painting import DeviceLost

TOLD = "a picture could not be finished"


def wait_for(event: Event) -> None:
    assert event.wait(PATIENCE_SECONDS)


class SlowImages(RedisImages):
    """Keeps a picture when it is let to, and says that it is about to."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis, result_ttl=60)
        self.reached = Event()
        self.let = Event()

    def put(self, job: Job, png: bytes) -> None:
        self.reached.set()
        assert self.let.wait(PATIENCE_SECONDS)
        super().put(job, png)


@pytest.fixture
def store(fake_redis: Redis) -> JobStore:
    store = JobStore(fake_redis, result_ttl=60, lease_seconds=15)
    for job_id in ("a", "b"):
        store_job(store, job_id)
    return store


@pytest.fixture
def finisher() -> Finisher:
    return Finisher()


@pytest.fixture
def images(fake_redis: Redis) -> Iterator[SlowImages]:
    images = SlowImages(fake_redis)
    yield images
    images.let.set()


class TestOverlap:
    def test_frees_the_device_while_the_picture_is_kept(
        self, fake_redis: Redis, store: JobStore, images: SlowImages, finisher: Finisher
    ) -> None:
        assert make_runner(fake_redis, images=images).run("a", finisher) == "painted"
        assert images.reached.wait(PATIENCE_SECONDS)
        assert store.get("a").state is JobState.RUNNING
        images.let.set()
        finisher.wait()
        assert store.get("a").state is JobState.SUCCEEDED

    def test_paints_the_next_one_meanwhile_and_no_third(
        self, fake_redis: Redis, store: JobStore, images: SlowImages, finisher: Finisher
    ) -> None:
        store_job(store, "c")
        pipeline = PaintsFlat()
        runner = make_runner(fake_redis, pipeline, images=images)
        runner.run("a", finisher)
        second = Thread(target=runner.run, args=("b", finisher))
        second.start()
        eventually(lambda: len(pipeline.painted), until=lambda count: count == 2)
        assert store.get("c").state is JobState.QUEUED
        assert second.is_alive()  # It waits for the picture before it.
        images.let.set()
        second.join(PATIENCE_SECONDS)
        runner.run("c", finisher)
        finisher.wait()
        assert {store.get(job_id).state for job_id in "abc"} == {JobState.SUCCEEDED}

    @pytest.mark.usefixtures("store")
    def test_holds_the_lease_until_the_end_is_written(
        self, fake_redis: Redis, images: SlowImages, finisher: Finisher
    ) -> None:
        def lease_end() -> float:
            return fake_redis.zscore(HELD, "a") or 0.0

        make_runner(fake_redis, images=images, renew_seconds=0.01).run("a", finisher)
        assert images.reached.wait(PATIENCE_SECONDS)
        first = lease_end()
        eventually(lease_end, until=lambda end: end > first)
        images.let.set()
        finisher.wait()
        assert lease_end() == 0

    def test_obeys_a_cancel_until_then(
        self, fake_redis: Redis, store: JobStore, images: SlowImages, finisher: Finisher
    ) -> None:
        make_runner(fake_redis, images=images).run("a", finisher)
        assert images.reached.wait(PATIENCE_SECONDS)
        store.update("a", lambda job, now: job.cancel(now))
        images.let.set()
        finisher.wait()
        job = store.get("a")
        assert (job.state, job.result) == (JobState.CANCELED, None)
        assert fake_redis.keys("semantic-bit:image:*") == []

    def test_writes_the_same_bytes_as_without(
        self, fake_redis: Redis, store: JobStore, finisher: Finisher
    ) -> None:
        runner = make_runner(fake_redis)
        runner.run("a", finisher)
        runner.run("b")
        finisher.wait()
        images = RedisImages(fake_redis, result_ttl=60)
        pictures = [images.open(store.get(job_id)).read() for job_id in ("a", "b")]
        assert pictures[0] == pictures[1]

    @pytest.mark.usefixtures("store")
    def test_leaves_the_log_of_the_next_job_alone(
        self, fake_redis: Redis, images: SlowImages, finisher: Finisher
    ) -> None:
        make_runner(fake_redis, images=images).run("a", finisher)
        assert get_contextvars() == {}


class TestTrouble:
    def test_is_told_and_keeps_no_job_from_its_end(self, finisher: Finisher) -> None:
        done: list[str] = []

        def break_down() -> None:
            raise KeyError(done)

        with capture_logs() as lines:
            finisher([break_down, lambda: done.append("b")])
            finisher.wait()
        assert [line.get("reason") for line in lines if line["event"] == TOLD] == ["KeyError"]
        assert done == ["b"]

    def test_with_the_device_spares_the_picture_before(
        self, fake_redis: Redis, store: JobStore, images: SlowImages, finisher: Finisher
    ) -> None:
        make_runner(fake_redis, images=images).run("a", finisher)

        def end_process() -> None:
            images.let.set()
            finisher.wait(PATIENCE_SECONDS)
            states.append(store.get("a").state)

        states: list[JobState] = []
        broken = RaisesAfterAStep(DeviceLost("gone"))
        make_runner(fake_redis, broken, end_process=end_process).run("b", finisher)
        assert states == [JobState.SUCCEEDED]

    def test_is_waited_for_in_several_threads(self, finisher: Finisher) -> None:
        go_on = Event()
        finisher([partial(wait_for, go_on)])
        with ThreadPoolExecutor(4) as threads:
            waiting = [threads.submit(finisher.wait) for _ in range(4)]
            go_on.set()
        assert [one.exception() for one in waiting] == [None] * 4

    def test_that_takes_long_is_not_waited_for_longer_than_asked(self, finisher: Finisher) -> None:
        go_on = Event()
        done: list[str] = []

        def finish() -> None:
            go_on.wait(PATIENCE_SECONDS)
            done.append("a")

        finisher([finish])
        finisher.wait(0.01)
        assert done == []
        go_on.set()
        finisher.wait()
        assert done == ["a"]
