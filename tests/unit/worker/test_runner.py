import hashlib
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from fakeredis import FakeServer
from PIL import Image
from redis import Redis

from shared.errors import AttemptLost, JobExpired, JobNotFound, StorageUnavailable
from shared.generation import GenerationResult
from shared.job_parts import FailureType, JobFailure, JobState, Progress
from shared.job_store import JobStore
from shared.jobs import Job
from shared.pace import PaceStore, Work
from shared.picture_metadata import INFOTEXT, METADATA, PROGRAM, PictureMetadata, PictureResult
from shared.png_text import read_png
from shared.redis_images import RedisImages
from tests.support.builders import (
    BUILD,
    OTHER_TOKEN,
    STEPS,
    WORKER,
    claim_job,
    make_request,
    store_job,
)
from tests.support.pipelines import (
    PATIENCE_SECONDS,
    CallsBeforeItReturns,
    PaintsFlat,
    PaintsUntilInterrupted,
    RaisesAfterAStep,
    TakesTurns,
    gives_no_finite_picture,
    runs_out_of_memory,
)
from tests.support.runners import make_runner
from tests.unit.failing_redis import FailingRedis
from worker.lease import Canceled
from worker.painting import DeviceLost, PaintingFailed, Pipeline
from worker.runner import Runner

LEAKY = "/home/somebody/.cache/weights.bin of key sk-123"
BROKEN: list[Callable[[], Pipeline]] = [
    runs_out_of_memory,
    gives_no_finite_picture,
    lambda: RaisesAfterAStep(ValueError(LEAKY)),
    lambda: RaisesAfterAStep(KeyError(LEAKY)),
    lambda: RaisesAfterAStep(MemoryError(LEAKY)),
]
NOT_KEPT = JobFailure(
    type=FailureType.STORAGE_UNAVAILABLE,
    detail="The picture was painted, but nothing could keep it: the store of pictures is away.",
)
INTERNAL_ERROR = JobFailure(
    type=FailureType.INTERNAL_ERROR,
    detail="The picture could not be made; the worker's log says why under this job's id.",
)

RunnerFor = Callable[[Pipeline], Runner]


@pytest.fixture
def store(fake_redis: Redis) -> JobStore:
    return JobStore(fake_redis, result_ttl=60, lease_seconds=15)


@pytest.fixture
def images(fake_redis: Redis) -> RedisImages:
    return RedisImages(fake_redis, result_ttl=60)


@pytest.fixture
def runner_for(fake_redis: Redis) -> RunnerFor:
    return lambda pipeline: make_runner(fake_redis, pipeline, renew_seconds=0.01)


def take_over(store: JobStore) -> Job:
    store.update("a", lambda job, now: job.lose_worker(3, now))
    return claim_job(store, "a", OTHER_TOKEN)


class TestSuccess:
    def test_ends_in_the_record(self, store: JobStore, runner_for: RunnerFor) -> None:
        store_job(store, "a")
        runner_for(PaintsFlat()).run("a")
        job = store.get("a")
        assert (job.state, [attempt.worker for attempt in job.attempts]) == (
            JobState.SUCCEEDED,
            [WORKER],
        )
        assert job.progress == Progress(step=STEPS, total=STEPS, fraction=1.0)

    def test_keeps_the_picture_that_was_painted(
        self, store: JobStore, images: RedisImages, runner_for: RunnerFor
    ) -> None:
        store_job(store, "a", width=320, height=256)
        runner_for(PaintsFlat("blue")).run("a")
        picture = Image.open(io.BytesIO(images.open(store.get("a")).read()))
        assert (picture.format, picture.size) == ("PNG", (320, 256))
        assert picture.getcolors() == [(320 * 256, (0, 0, 255))]

    def test_tells_how_it_was_made(
        self, store: JobStore, images: RedisImages, runner_for: RunnerFor
    ) -> None:
        request = store_job(store, "a", scheduler="euler_ancestral", guidance_scale=3.5).request
        runner_for(PaintsFlat()).run("a")
        job = store.get("a")
        png = images.open(job).read()
        assert job.result is not None
        assert job.result.model_dump(exclude={"timings"}) == {
            **request.model_dump(include=set(GenerationResult.model_fields)),
            "build": BUILD.model_dump(),
            "prompt_tokens": 0,
            "prompt_chunks": 1,
            "dropped_text": "",
            "negative_prompt_tokens": 0,
            "dropped_negative_text": "",
            "flagged": None,
            "batch_size": 1,
            "image_bytes": len(png),
            "image_sha256": hashlib.sha256(png).hexdigest(),
        }

    def test_tells_in_the_picture_itself_how_it_was_made(
        self, store: JobStore, images: RedisImages, runner_for: RunnerFor
    ) -> None:
        request = store_job(store, "a").request
        runner_for(PaintsFlat()).run("a")
        texts = read_png(images.open(store.get("a")).read(), {INFOTEXT, METADATA}).text
        result = PictureResult(program=PROGRAM, prompt_tokens=0, dropped_text="", build=BUILD)
        assert texts == PictureMetadata(request=request, result=result).texts()

    def test_tells_nothing_in_the_picture_where_the_request_says_so(
        self, store: JobStore, images: RedisImages, runner_for: RunnerFor
    ) -> None:
        store_job(store, "a", embed_metadata=False)
        runner_for(PaintsFlat()).run("a")
        assert b"tEXt" not in images.open(store.get("a")).read()

    def test_gives_the_same_bytes_for_the_same_request(
        self, store: JobStore, images: RedisImages, runner_for: RunnerFor
    ) -> None:
        for job_id in ("a", "b"):
            store_job(store, job_id)
            runner_for(PaintsFlat()).run(job_id)
        assert images.open(store.get("a")).read() == images.open(store.get("b")).read()

    def test_tells_how_long_each_stage_took(self, store: JobStore, runner_for: RunnerFor) -> None:
        store_job(store, "a")
        runner_for(PaintsFlat()).run("a")
        job = store.get("a")
        assert job.result is not None
        assert job.started_at is not None
        timings = job.result.timings
        assert (timings.text, timings.denoise, timings.decode) == (0.01, 0.02, 0.03)
        assert timings.queue == (job.started_at - job.created_at).total_seconds()
        assert 0 < timings.encode < timings.total

    def test_teaches_the_pace(
        self, store: JobStore, fake_redis: Redis, runner_for: RunnerFor
    ) -> None:
        store_job(store, "a")
        runner_for(PaintsFlat()).run("a")
        pace = PaceStore(fake_redis).of(BUILD).of(Work.of(make_request()).shape)
        assert pace is not None
        assert pace.step_seconds == 0.02 / STEPS

    def test_paints_what_the_record_says(self, store: JobStore, runner_for: RunnerFor) -> None:
        request = store_job(store, "a", prompt="ネコ", seed=7).request
        pipeline = PaintsFlat()
        runner_for(pipeline).run("a")
        assert pipeline.painted == [request]


class TestFailure:
    def test_says_that_the_picture_could_not_be_kept(
        self, store: JobStore, runner_for: RunnerFor
    ) -> None:
        store_job(store, "a")
        runner_for(RaisesAfterAStep(StorageUnavailable())).run("a")
        job = store.get("a")
        assert (job.state, job.error) == (JobState.FAILED, NOT_KEPT)

    @pytest.mark.parametrize("failure_type", list(FailureType))
    def test_is_told_to_the_client_where_the_pipeline_names_it(
        self, store: JobStore, runner_for: RunnerFor, failure_type: FailureType
    ) -> None:
        store_job(store, "a")
        runner_for(RaisesAfterAStep(PaintingFailed(failure_type, "It broke."))).run("a")
        job = store.get("a")
        assert job.state is JobState.FAILED
        assert job.error == JobFailure(type=failure_type, detail="It broke.")

    @pytest.mark.parametrize("error", [ValueError(LEAKY), KeyError(LEAKY), MemoryError(LEAKY)])
    def test_that_nobody_foresaw_leaks_nothing(
        self, store: JobStore, runner_for: RunnerFor, error: Exception
    ) -> None:
        store_job(store, "a")
        runner_for(RaisesAfterAStep(error)).run("a")
        job = store.get("a")
        assert (job.state, job.error) == (JobState.FAILED, INTERNAL_ERROR)
        assert LEAKY not in job.model_dump_json()

    @pytest.mark.parametrize("broken", BROKEN)
    def test_leaves_no_picture(
        self, store: JobStore, fake_redis: Redis, broken: Callable[[], Pipeline]
    ) -> None:
        store_job(store, "a")
        make_runner(fake_redis, broken()).run("a")
        assert fake_redis.keys("semantic-bit:image:*") == []

    @pytest.mark.parametrize("broken", BROKEN)
    def test_does_not_keep_the_next_job_from_its_picture(
        self, store: JobStore, runner_for: RunnerFor, broken: Callable[[], Pipeline]
    ) -> None:
        runner = runner_for(TakesTurns([broken(), PaintsFlat()]))
        for job_id in ("a", "b"):
            store_job(store, job_id)
            runner.run(job_id)
        states = [store.get(job_id).state for job_id in ("a", "b")]
        assert states == [JobState.FAILED, JobState.SUCCEEDED]

    @pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
    def test_of_the_whole_process_leaves_the_job_to_the_reaper(
        self, store: JobStore, runner_for: RunnerFor, end: type[BaseException]
    ) -> None:
        store_job(store, "a")
        with pytest.raises(end):
            runner_for(RaisesAfterAStep(end())).run("a")
        assert store.get("a").state is JobState.RUNNING


class TestCancel:
    def test_stops_a_running_job_at_its_next_step(
        self, store: JobStore, runner_for: RunnerFor
    ) -> None:
        store_job(store, "a")
        pipeline = PaintsUntilInterrupted()
        with ThreadPoolExecutor(1) as thread:
            run = thread.submit(runner_for(pipeline).run, "a")
            assert pipeline.painting.wait(PATIENCE_SECONDS)
            store.update("a", lambda job, now: job.cancel(now))
            run.result(PATIENCE_SECONDS)
        assert type(pipeline.interruption) is Canceled
        assert store.get("a").state is JobState.CANCELED

    def test_that_comes_after_the_last_step_still_wins(
        self, store: JobStore, images: RedisImages, runner_for: RunnerFor
    ) -> None:
        store_job(store, "a")
        cancel = CallsBeforeItReturns(lambda: store.update("a", lambda job, now: job.cancel(now)))
        runner_for(cancel).run("a")
        job = store.get("a")
        assert (job.state, job.result) == (JobState.CANCELED, None)
        with pytest.raises(JobExpired):
            images.open(job).read()

    def test_does_not_keep_the_next_job_from_its_picture(
        self, store: JobStore, runner_for: RunnerFor
    ) -> None:
        cancel = CallsBeforeItReturns(lambda: store.update("a", lambda job, now: job.cancel(now)))
        runner = runner_for(TakesTurns([cancel, PaintsFlat()]))
        for job_id in ("a", "b"):
            store_job(store, job_id)
            runner.run(job_id)
        assert store.get("b").state is JobState.SUCCEEDED


class TestLostAttempt:
    def test_writes_nothing_to_the_job_of_another(
        self, store: JobStore, runner_for: RunnerFor
    ) -> None:
        store_job(store, "a")
        taken: list[Job] = []
        runner_for(CallsBeforeItReturns(lambda: taken.append(take_over(store)))).run("a")
        assert [store.get("a")] == taken

    def test_does_not_touch_the_picture_of_another(
        self, store: JobStore, images: RedisImages, runner_for: RunnerFor
    ) -> None:
        store_job(store, "a")
        pipeline = CallsBeforeItReturns(lambda: images.put(take_over(store), b"another's"))
        runner_for(pipeline).run("a")
        assert images.open(store.get("a")).read() == b"another's"

    def test_teaches_the_pace_nothing(
        self, store: JobStore, fake_redis: Redis, runner_for: RunnerFor
    ) -> None:
        store_job(store, "a")
        runner_for(CallsBeforeItReturns(lambda: take_over(store))).run("a")
        assert PaceStore(fake_redis).of(BUILD).seconds(Work.of(make_request())) is None

    def test_stops_at_its_next_step(self, store: JobStore, runner_for: RunnerFor) -> None:
        store_job(store, "a")
        pipeline = PaintsUntilInterrupted()
        with ThreadPoolExecutor(1) as thread:
            run = thread.submit(runner_for(pipeline).run, "a")
            assert pipeline.painting.wait(PATIENCE_SECONDS)
            taken = take_over(store)
            run.result(PATIENCE_SECONDS)
        assert type(pipeline.interruption) is AttemptLost
        assert store.get("a") == taken


class TestMessage:
    def test_that_comes_twice_paints_once(self, store: JobStore, runner_for: RunnerFor) -> None:
        store_job(store, "a")
        pipeline = PaintsFlat()
        runner = runner_for(pipeline)
        runner.run("a")
        first = store.get("a")
        runner.run("a")
        assert store.get("a") == first
        assert len(pipeline.painted) == 1

    def test_for_a_job_that_another_holds_does_nothing(
        self, store: JobStore, runner_for: RunnerFor
    ) -> None:
        store_job(store, "a")
        held = claim_job(store, "a", OTHER_TOKEN)
        pipeline = PaintsFlat()
        runner_for(pipeline).run("a")
        assert store.get("a") == held
        assert pipeline.painted == []

    def test_for_a_canceled_job_does_nothing(self, store: JobStore, runner_for: RunnerFor) -> None:
        store_job(store, "a")
        canceled = store.update("a", lambda job, now: job.cancel(now))
        pipeline = PaintsFlat()
        runner_for(pipeline).run("a")
        assert store.get("a") == canceled
        assert pipeline.painted == []

    def test_for_a_job_that_never_was_does_nothing(
        self, store: JobStore, runner_for: RunnerFor
    ) -> None:
        pipeline = PaintsFlat()
        runner_for(pipeline).run("never")
        assert pipeline.painted == []
        with pytest.raises(JobNotFound):
            store.get("never")


class TestAnnounce:
    @pytest.mark.parametrize("pipeline", [PaintsFlat, runs_out_of_memory])
    def test_is_told_of_the_job_once_it_has_ended(
        self, store: JobStore, fake_redis: Redis, pipeline: Callable[[], Pipeline]
    ) -> None:
        store_job(store, "a")
        told: list[Job] = []
        make_runner(fake_redis, pipeline(), announce=told.append).run("a")
        assert told == [store.get("a")]

    def test_is_told_nothing_of_a_job_that_was_lost(
        self, store: JobStore, fake_redis: Redis
    ) -> None:
        store_job(store, "a")
        told: list[Job] = []
        pipeline = CallsBeforeItReturns(lambda: take_over(store))
        make_runner(fake_redis, pipeline, announce=told.append).run("a")
        assert told == []


class TestRedisOutage:
    def test_does_not_cost_the_picture(self) -> None:
        redis = FailingRedis(server=FakeServer())
        store = JobStore(redis, result_ttl=60, lease_seconds=15)
        store_job(store, "a")

        def break_redis() -> None:
            redis.failures = 3

        make_runner(redis, CallsBeforeItReturns(break_redis)).run("a")
        assert redis.failures == 0
        assert store.get("a").state is JobState.SUCCEEDED


class TestRun:
    def test_leaves_the_record_the_picture_and_what_it_took(
        self, store: JobStore, runner_for: RunnerFor, fake_redis: Redis
    ) -> None:
        store_job(store, "a")
        runner_for(PaintsFlat()).run("a")
        assert set(fake_redis.keys("*")) == {
            b"semantic-bit:job:a",
            b"semantic-bit:ended:a",
            b"semantic-bit:image:a:1",
            b"semantic-bit:events:a",
            b"semantic-bit:jobs::",
            b"semantic-bit:jobs::succeeded",
            b"semantic-bit:turns",
            b"semantic-bit:expiries",
        } | set(fake_redis.keys("semantic-bit:pace:*"))


class TestBrokenDevice:
    def test_abandons_the_process_and_leaves_the_job_to_another(
        self, store: JobStore, fake_redis: Redis
    ) -> None:
        store_job(store, "a")
        ended: list[str] = []
        make_runner(
            fake_redis,
            RaisesAfterAStep(DeviceLost("device-side assert")),
            end_process=lambda: ended.append("now"),
        ).run("a")
        assert ended == ["now"]
        assert store.get("a").state is JobState.RUNNING
