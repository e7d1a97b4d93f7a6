"""Which jobs are painted together, and what becomes of each of them."""

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import NoReturn

import pytest
from fakeredis import FakeRedis, FakeServer
from redis import Redis
from redis.exceptions import RedisError

from shared.event_log import EventLog
from shared.generation import GenerationRequest
from shared.job_parts import JobState, Priority
from shared.job_store import JobStore
from shared.jobs import Job
from shared.keys import record_key
from shared.redis_images import RedisImages
from tests.support.builders import LIMIT, OTHER_TOKEN, claim_job, make_request, store_job
from tests.support.pipelines import PATIENCE_SECONDS, PaintsFlat
from tests.support.runners import make_runner
from worker.batches import Batches
from worker.finisher import Finisher
from worker.painting import DeviceLost, Lane, Outcome
from worker.slip import Slip

_LOOK_SECONDS = 0.005


@dataclass
class PaintsBatches(PaintsFlat):
    """Paints what has one size at once."""

    batches: list[list[str]] = field(default_factory=list)
    waits_for: str | None = None
    """The prompt of a picture that is stepped until its job does not want it any more."""

    fails: str | None = None
    breaks: BaseException | None = None
    before_it_waits: Callable[[], object] = lambda: None
    after_it_waited: Callable[[], object] = lambda: None

    def batch_key(self, request: GenerationRequest) -> Hashable | None:
        return request.width, request.height

    def generate_batch(self, lanes: Sequence[Lane]) -> list[Outcome]:
        if self.breaks is not None:
            raise self.breaks
        self.batches.append([lane.request.prompt for lane in lanes])
        ended = {lane: self._wait(lane) for lane in lanes if lane.request.prompt == self.waits_for}
        return [ended.get(lane) or self._paint(lane) for lane in lanes]

    def _paint(self, lane: Lane) -> Outcome:
        if lane.request.prompt == self.fails:
            return ValueError("no such prompt")
        return self.generate(lane.request, lane.on_step)

    def _wait(self, lane: Lane) -> Exception:
        self.before_it_waits()
        for _ in range(int(PATIENCE_SECONDS / _LOOK_SECONDS)):
            try:
                lane.on_step(1)
            except Exception as error:  # noqa: BLE001  # As the pipeline does.
                self.after_it_waited()
                return error
            Event().wait(_LOOK_SECONDS)
        message = "nobody ended it"
        raise AssertionError(message)


class DeviceError(Exception):
    """What a driver raises."""


class LosesDeviceInPreview(PaintsBatches):
    """Steps each picture until a preview is taken, which the device does not survive."""

    def generate_batch(self, lanes: Sequence[Lane]) -> list[Outcome]:
        for _ in range(int(PATIENCE_SECONDS / _LOOK_SECONDS)):
            try:
                for lane in lanes:
                    lane.on_step(1, self._preview)
            except DeviceError as error:
                raise DeviceLost(str(error)) from error
            Event().wait(_LOOK_SECONDS)
        message = "nobody wanted a preview"
        raise AssertionError(message)

    def _preview(self) -> NoReturn:
        raise DeviceError


@pytest.fixture
def store(fake_redis: Redis) -> JobStore:
    return JobStore(fake_redis, result_ttl=60, lease_seconds=15)


def queue(store: JobStore, *job_ids: str, width: int = 256, model: str | None = None) -> None:
    for job_id in job_ids:
        store_job(store, job_id, prompt=job_id, width=width, model=model)


def lose(store: JobStore, job_id: str) -> None:
    """Give a job back whose worker was lost."""
    store.update(job_id, lambda job, now: job.lose_worker(3, now))


@dataclass
class Line:
    """Asks what would be painted with the job that is next."""

    store: JobStore
    slept: list[float] = field(default_factory=list)
    arrives: Callable[[], object] = lambda: None

    def beside(self, job_id: str, *, limit: int = 4, workers: int = 1) -> list[str]:
        batches = Batches(
            self.store,
            PaintsBatches(),
            limit=limit,
            models=("demo", "second"),
            workers=lambda: workers,
            sleep=self._sleep,
        )
        return batches.beside(claim_job(self.store, job_id))

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.arrives()


@pytest.fixture
def line(store: JobStore) -> Line:
    return Line(store)


class TestBeside:
    def test_a_job_are_those_that_come_next(self, store: JobStore, line: Line) -> None:
        queue(store, "a", "b", "c", "d", "e")
        assert line.beside("a") == ["b", "c", "d"]

    def test_a_job_is_nobody_where_batches_are_off(self, store: JobStore, line: Line) -> None:
        queue(store, "a", "b")
        assert line.beside("a", limit=1) == []
        assert line.slept == []

    def test_a_job_is_not_looked_for_where_batches_are_off(self, store: JobStore) -> None:
        asked: list[GenerationRequest] = []

        class Asked(PaintsBatches):
            def batch_key(self, request: GenerationRequest) -> Hashable | None:
                asked.append(request)
                return super().batch_key(request)

        queue(store, "a", "b")
        batches = Batches(store, Asked(), limit=1, models=("demo",), workers=lambda: 1)
        assert batches.beside(claim_job(store, "a")) == []
        assert asked == []

    def test_a_job_is_none_that_would_overtake_another(self, store: JobStore, line: Line) -> None:
        queue(store, "a", "b")
        queue(store, "other", width=512)
        queue(store, "c")
        assert line.beside("a") == ["b"]

    def test_a_job_is_none_of_another_shape(self, store: JobStore, line: Line) -> None:
        queue(store, "a")
        queue(store, "other", width=512)
        queue(store, "b")
        assert line.beside("a") == []

    def test_a_job_is_none_that_other_workers_have_to_paint(
        self, store: JobStore, line: Line
    ) -> None:
        queue(store, "a")
        queue(store, "other", model="elsewhere")
        queue(store, "b", model="second")
        assert line.beside("a") == ["b"]

    def test_a_job_leaves_other_workers_their_share_of_what_they_can_paint(
        self, store: JobStore, line: Line
    ) -> None:
        queue(store, "a", "b", "c")
        queue(store, *(f"other-{number}" for number in range(5)), model="elsewhere")
        assert line.beside("a", workers=2) == ["b"]

    def test_a_job_whose_worker_was_lost_is_nobody(self, store: JobStore, line: Line) -> None:
        queue(store, "a", "b")
        claim_job(store, "a", OTHER_TOKEN)
        lose(store, "a")
        assert line.beside("a") == []

    def test_a_job_is_none_whose_worker_was_lost(self, store: JobStore, line: Line) -> None:
        queue(store, "a", "b", "c")
        claim_job(store, "b", OTHER_TOKEN)
        lose(store, "b")  # Which puts it before the others.
        assert line.beside("a") == []

    def test_a_job_is_none_that_is_to_be_alone(self, store: JobStore, line: Line) -> None:
        queue(store, "a")
        store.add(Job.queued("b", make_request(), store.now(), alone=True), limit=LIMIT)
        assert line.beside("a") == []

    def test_a_job_that_is_to_be_alone_is_nobody(self, store: JobStore, line: Line) -> None:
        store.add(Job.queued("a", make_request(), store.now(), alone=True), limit=LIMIT)
        queue(store, "b")
        assert line.beside("a") == []

    def test_a_job_come_first_those_of_higher_priority(self, store: JobStore, line: Line) -> None:
        queue(store, "a")
        low = Job.queued("low", make_request(), store.now(), priority=Priority.LOW)
        store.add(low, limit=LIMIT)
        queue(store, "b", "c")
        assert line.beside("a") == ["b", "c", "low"]

    @pytest.mark.parametrize(
        ("workers", "waiting", "taken"),
        [(1, 3, 3), (2, 1, 0), (2, 2, 1), (2, 3, 1), (2, 6, 3), (2, 20, 3), (3, 5, 1), (0, 2, 2)],
    )
    def test_a_job_are_as_many_as_leave_other_workers_their_share(
        self, store: JobStore, line: Line, *, workers: int, waiting: int, taken: int
    ) -> None:
        queue(store, *(f"job-{number:02}" for number in range(waiting + 1)))
        assert len(line.beside("job-00", workers=workers)) == taken


class TestWait:
    def test_is_a_few_milliseconds_for_those_that_ask_at_once(
        self, store: JobStore, line: Line
    ) -> None:
        queue(store, "a")
        line.arrives = lambda: queue(store, "b")
        assert line.beside("a") == ["b"]
        assert 0 < sum(line.slept) <= 0.01

    def test_is_none_where_the_batch_is_full(self, store: JobStore, line: Line) -> None:
        queue(store, "a", "b", "c", "d")
        line.beside("a")
        assert line.slept == []

    def test_is_none_where_another_shape_is_next(self, store: JobStore, line: Line) -> None:
        queue(store, "a")
        queue(store, "other", width=512)
        line.beside("a")
        assert line.slept == []


class TestRun:
    def test_paints_those_in_line_at_once(self, fake_redis: Redis, store: JobStore) -> None:
        queue(store, "a", "b", "c", "d", "e")
        pipeline = PaintsBatches()
        runner = make_runner(fake_redis, pipeline, max_batch_size=4)
        assert runner.run("a") == "painted"
        assert pipeline.batches == [["a", "b", "c", "d"]]
        states = [store.get(job_id).state for job_id in "abcde"]
        assert states == [JobState.SUCCEEDED] * 4 + [JobState.QUEUED]
        images = RedisImages(fake_redis, result_ttl=60)
        assert all(images.open(store.get(job_id)).read() for job_id in "abcd")

    def test_does_nothing_for_the_message_of_one_that_was_painted_with_another(
        self, fake_redis: Redis, store: JobStore
    ) -> None:
        queue(store, "a", "b")
        runner = make_runner(fake_redis, PaintsBatches(), max_batch_size=4)
        runner.run("a")
        before = store.get("b")
        assert runner.run("b") == "nothing to claim"
        assert store.get("b") == before

    def test_paints_one_alone_as_ever(self, fake_redis: Redis, store: JobStore) -> None:
        queue(store, "a")
        pipeline = PaintsBatches()
        make_runner(fake_redis, pipeline, max_batch_size=4).run("a")
        assert pipeline.batches == []
        assert store.get("a").state is JobState.SUCCEEDED

    def test_leaves_out_whom_another_has_claimed(self, fake_redis: Redis, store: JobStore) -> None:
        queue(store, "a", "b", "c")

        class Faster(PaintsBatches):
            def batch_key(self, request: GenerationRequest) -> Hashable | None:
                if request.prompt == "c":  # The last that is looked at before they are claimed.
                    claim_job(store, "b", OTHER_TOKEN)
                return super().batch_key(request)

        pipeline = Faster()
        make_runner(fake_redis, pipeline, max_batch_size=3).run("a")
        assert pipeline.batches == [["a", "c"]]
        assert store.get("b").token == OTHER_TOKEN

    def test_follows_each_of_them(self, fake_redis: Redis, store: JobStore) -> None:
        queue(store, "a", "b")
        make_runner(fake_redis, PaintsBatches(), max_batch_size=2).run("a")
        jobs = [store.get(job_id) for job_id in "ab"]
        assert [job.progress.fraction for job in jobs] == [1.0, 1.0]
        assert jobs[0].token != jobs[1].token

    def test_paints_alone_where_the_line_cannot_be_read(
        self, fake_redis: Redis, store: JobStore
    ) -> None:
        queue(store, "a", "b")
        fake_redis.set(record_key("b"), "of a newer version")
        make_runner(fake_redis, PaintsBatches(), max_batch_size=2).run("a")
        assert store.get("a").state is JobState.SUCCEEDED


class TestEnds:
    def test_of_one_that_is_canceled_comes_before_the_others_are_painted(
        self, fake_redis: Redis, store: JobStore
    ) -> None:
        queue(store, "a", "b", "c")
        states: list[list[JobState]] = []
        pipeline = PaintsBatches(waits_for="b")

        def cancel() -> None:
            store.update("b", lambda job, now: job.cancel(now))

        def look() -> None:
            states.append([store.get(job_id).state for job_id in "abc"])

        pipeline.before_it_waits, pipeline.after_it_waited = cancel, look
        make_runner(fake_redis, pipeline, max_batch_size=3, renew_seconds=0.01).run("a")
        assert states == [[JobState.RUNNING, JobState.CANCELED, JobState.RUNNING]]
        look()
        assert states[1] == [JobState.SUCCEEDED, JobState.CANCELED, JobState.SUCCEEDED]

    def test_of_the_first_says_so_of_the_others(self, fake_redis: Redis, store: JobStore) -> None:
        queue(store, "a", "b")
        pipeline = PaintsBatches(waits_for="a")
        pipeline.before_it_waits = lambda: store.update("a", lambda job, now: job.cancel(now))
        runner = make_runner(fake_redis, pipeline, max_batch_size=2, renew_seconds=0.01)
        assert runner.run("a") == "painted"
        states = [store.get(job_id).state for job_id in "ab"]
        assert states == [JobState.CANCELED, JobState.SUCCEEDED]

    def test_of_one_that_was_lost_is_left_to_who_has_it(
        self, fake_redis: Redis, store: JobStore
    ) -> None:
        queue(store, "a", "b")
        pipeline = PaintsBatches(waits_for="b")
        pipeline.before_it_waits = lambda: lose(store, "b")
        runner = make_runner(fake_redis, pipeline, max_batch_size=2, renew_seconds=0.01)
        runner.run("a")
        assert store.get("a").state is JobState.SUCCEEDED
        assert store.get("b").state is JobState.QUEUED

    def test_of_one_that_is_canceled_does_not_wait_for_pictures_before(
        self, fake_redis: Redis, store: JobStore
    ) -> None:
        queue(store, "a", "b", "c")
        go_on, waited, finisher = Event(), list[bool](), Finisher()
        finisher([lambda: waited.append(go_on.wait(PATIENCE_SECONDS))])
        pipeline = PaintsBatches(waits_for="b")
        pipeline.before_it_waits = lambda: store.update("b", lambda job, now: job.cancel(now))
        pipeline.after_it_waited = go_on.set
        runner = make_runner(fake_redis, pipeline, max_batch_size=3, renew_seconds=0.01)
        runner.run("a", finisher)
        finisher.wait()
        states = [store.get(job_id).state for job_id in "abc"]
        assert states == [JobState.SUCCEEDED, JobState.CANCELED, JobState.SUCCEEDED]
        assert waited == [True]

    def test_of_the_device_amidst_a_preview_fails_no_job(
        self, fake_redis: Redis, store: JobStore
    ) -> None:
        queue(store, "a", "b")
        EventLog(fake_redis).want_previews("b")
        runner = make_runner(
            fake_redis,
            LosesDeviceInPreview(),
            max_batch_size=2,
            renew_seconds=0.01,
            end_process=lambda: None,
        )
        assert runner.run("a") == "device lost"
        assert [store.get(job_id).state for job_id in "ab"] == [JobState.RUNNING] * 2

    def test_of_one_that_failed_is_its_own(self, fake_redis: Redis, store: JobStore) -> None:
        queue(store, "a", "b")
        pipeline = PaintsBatches(fails="b")
        make_runner(fake_redis, pipeline, max_batch_size=2).run("a")
        states = [store.get(job_id).state for job_id in "ab"]
        assert states == [JobState.SUCCEEDED, JobState.FAILED]

    def test_of_the_device_leaves_all_to_another_process(
        self, fake_redis: Redis, store: JobStore
    ) -> None:
        queue(store, "a", "b")
        ended: list[str] = []
        pipeline = PaintsBatches(breaks=DeviceLost("device-side assert"))
        runner = make_runner(
            fake_redis, pipeline, max_batch_size=2, end_process=lambda: ended.append("now")
        )
        assert runner.run("a") == "device lost"
        assert ended
        assert [store.get(job_id).state for job_id in "ab"] == [JobState.RUNNING] * 2

    def test_of_the_process_leaves_all_to_another_one(
        self, fake_redis: Redis, store: JobStore
    ) -> None:
        queue(store, "a", "b")
        pipeline, slip = PaintsBatches(breaks=SystemExit()), Slip()
        with pytest.raises(SystemExit):
            make_runner(fake_redis, pipeline, max_batch_size=2, slip=slip).run("a")
        assert [store.get(job_id).state for job_id in "ab"] == [JobState.RUNNING] * 2
        assert slip.left() == ["a", "b"]

    def test_of_the_call_leaves_no_lease_where_another_ends_meanwhile(
        self, fake_redis: Redis, store: JobStore
    ) -> None:
        queue(store, "a", "b", "c")
        reached, go_on, finisher = Event(), Event(), Finisher()

        def announce(job: Job) -> None:
            if job.id == "a":
                raise ConnectionError
            reached.set()
            go_on.wait(PATIENCE_SECONDS)

        pipeline = PaintsBatches(waits_for="b", fails="a")
        pipeline.before_it_waits = lambda: store.update("b", lambda job, now: job.cancel(now))
        pipeline.after_it_waited = lambda: reached.wait(PATIENCE_SECONDS)
        runner = make_runner(
            fake_redis, pipeline, max_batch_size=3, renew_seconds=0.01, announce=announce
        )
        with pytest.raises(ConnectionError):
            runner.run("a", finisher)
        leases = [one.name for one in threading.enumerate() if one.name.startswith("lease")]
        assert leases == ["lease-b"]
        go_on.set()
        finisher.wait()
        assert store.get("b").state is JobState.CANCELED

    def test_of_the_call_leaves_nothing_on_the_slip_of_a_process_that_goes_on(
        self, fake_redis: Redis, store: JobStore
    ) -> None:
        queue(store, "a", "b")
        pipeline, slip = PaintsBatches(breaks=ConnectionError()), Slip()
        with pytest.raises(ConnectionError):
            make_runner(fake_redis, pipeline, max_batch_size=2, slip=slip).run("a")
        assert slip.left() == []


class TestSlip:
    def test_is_empty_where_redis_was_away(self) -> None:
        server, slip = FakeServer(), Slip()
        runner = make_runner(FakeRedis(server=server), slip=slip)
        server.connected = False
        with pytest.raises(RedisError):
            runner.run("a")
        assert slip.left() == []

    def test_is_empty_where_a_picture_could_not_be_finished(
        self, fake_redis: Redis, store: JobStore
    ) -> None:
        queue(store, "a")
        slip = Slip()

        def refuse(_: Job) -> NoReturn:
            raise KeyError

        with pytest.raises(KeyError):
            make_runner(fake_redis, slip=slip, announce=refuse).run("a")
        assert slip.left() == []
