"""What a worker counts of its pictures, and shows of its model."""

from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry
from redis import Redis

from shared.generation import Scheduler
from shared.job_parts import JobState
from shared.job_store import JobStore
from shared.jobs import Job
from shared.worker_registry import ServedModel
from tests.support.builders import (
    BUILD,
    STEPS,
    TOKEN,
    job_in,
    make_request,
    make_result,
    store_job,
)
from tests.support.pipelines import PaintsFlat, RaisesAfterAStep
from tests.support.runners import make_runner
from tests.support.scrape import Scrape
from worker.metrics import Again, CountedPipeline, ModelGauges, WorkerMetrics, size_class
from worker.painting import Pipeline

WARM = ServedModel(name="demo", warm=True, build=BUILD)
STAGES = ("text", "denoise", "decode", "encode")


@pytest.fixture
def metrics() -> WorkerMetrics:
    return WorkerMetrics()


@pytest.fixture
def run(fake_redis: Redis, metrics: WorkerMetrics) -> Callable[[Pipeline], Job]:
    """Run a job with a pipeline, and give it as it has ended."""
    store = JobStore(fake_redis, result_ttl=60, lease_seconds=15)

    def run_one(pipeline: Pipeline) -> Job:
        store_job(store, "a")
        make_runner(fake_redis, pipeline, metrics=metrics).run("a")
        return store.get("a")

    return run_one


def seen_of(metrics: WorkerMetrics) -> Scrape:
    return Scrape.of(metrics.counts)


class TestPicture:
    def test_is_counted_with_the_times_that_its_record_tells(
        self, metrics: WorkerMetrics, run: Callable[[Pipeline], Job]
    ) -> None:
        job = run(PaintsFlat())
        assert job.result is not None
        seen = seen_of(metrics)
        for stage in STAGES:
            assert seen.sum(f"semantic_bit_{stage}_seconds_count") == 1
            took = getattr(job.result.timings, stage)
            assert seen.sum(f"semantic_bit_{stage}_seconds_sum") == pytest.approx(took)
        assert seen.sum("semantic_bit_queue_wait_seconds_count") == 1
        assert seen.sum("semantic_bit_jobs_finished_total", state="succeeded") == 1

    def test_tells_the_mean_time_of_its_steps_by_size_and_scheduler(
        self, metrics: WorkerMetrics, run: Callable[[Pipeline], Job]
    ) -> None:
        run(PaintsFlat())
        labels = {"size": "256x256", "scheduler": "dpmsolver++"}
        seen = seen_of(metrics)
        assert seen.sum("semantic_bit_step_seconds_count", **labels) == 1
        assert seen.sum("semantic_bit_step_seconds_sum", **labels) == pytest.approx(0.02 / STEPS)

    def test_that_fails_is_counted_with_its_steps_and_no_times(
        self, metrics: WorkerMetrics, run: Callable[[Pipeline], Job]
    ) -> None:
        run(RaisesAfterAStep(ValueError("no")))
        seen = seen_of(metrics)
        assert seen.sum("semantic_bit_steps_total") == 1
        assert seen.sum("semantic_bit_jobs_finished_total", reason="internal_error") == 1
        assert [seen.sum(f"semantic_bit_{stage}_seconds_count") for stage in STAGES] == [0] * 4

    def test_has_each_of_its_steps_counted(
        self, metrics: WorkerMetrics, run: Callable[[Pipeline], Job]
    ) -> None:
        run(PaintsFlat())
        assert seen_of(metrics).sum("semantic_bit_steps_total") == STEPS

    @pytest.mark.parametrize(
        ("dropped", "count"),
        [
            ({}, 0),
            ({"dropped_text": "and the rest"}, 1),
            ({"dropped_negative_text": "and the rest"}, 1),
            ({"dropped_text": "this", "dropped_negative_text": "that"}, 1),
        ],
    )
    def test_tells_whether_a_prompt_of_it_was_cut(
        self, metrics: WorkerMetrics, dropped: dict[str, str], count: int
    ) -> None:
        running = job_in(JobState.RUNNING)
        result = make_result().model_copy(update=dropped)
        assert running.started_at is not None
        metrics.changed(running, running.succeed(TOKEN, result, running.started_at))
        assert seen_of(metrics).sum("semantic_bit_prompts_truncated_total") == count

    def test_is_counted_once_though_its_record_changes_later(self, metrics: WorkerMetrics) -> None:
        ended = job_in(JobState.SUCCEEDED)
        metrics.changed(job_in(JobState.RUNNING), ended)
        metrics.changed(ended, ended.model_copy(update={"idempotency": "changed"}))
        assert seen_of(metrics).sum("semantic_bit_denoise_seconds_count") == 1


class TestSizeClass:
    @pytest.mark.parametrize(
        ("width", "height", "expected"),
        [
            (256, 256, "256x256"),
            (256, 264, "384x384"),
            (512, 512, "512x512"),
            (768, 256, "512x512"),
            (512, 768, "640x640"),
            (768, 768, "768x768"),
            (4096, 4096, "768x768"),
        ],
    )
    def test_is_the_smallest_square_that_is_as_large(
        self, width: int, height: int, expected: str
    ) -> None:
        result = make_result().model_copy(update={"width": width, "height": height})
        assert size_class(result) == expected

    def test_and_scheduler_bound_the_number_of_series(self, metrics: WorkerMetrics) -> None:
        running = job_in(JobState.RUNNING)
        assert running.started_at is not None
        for side in range(256, 769, 8):
            for scheduler in Scheduler:
                update = {"width": side, "height": side, "scheduler": scheduler}
                result = make_result().model_copy(update=update)
                metrics.changed(running, running.succeed(TOKEN, result, running.started_at))
        assert len(seen_of(metrics).counted("semantic_bit_step_seconds_count")) == 5 * len(
            Scheduler
        )


class TestSecondTry:
    @pytest.mark.parametrize("reason", list(Again))
    def test_is_counted_by_its_reason(self, metrics: WorkerMetrics, reason: Again) -> None:
        metrics.tried_again(reason)
        assert seen_of(metrics).counted("semantic_bit_retries_total") == {(reason.value,): 1}


class TestSafetyChecker:
    @pytest.mark.parametrize(
        ("flagged", "counts"), [(True, (1, 0)), (False, (0, 1)), (None, (0, 0))]
    )
    def test_has_its_looks_counted_by_what_they_found(
        self, metrics: WorkerMetrics, *, flagged: bool | None, counts: tuple[int, int]
    ) -> None:
        counted = CountedPipeline(PaintsFlat(flagged=flagged), metrics)
        counted.generate(make_request(), lambda *_: None)
        seen = seen_of(metrics)
        found = tuple(
            seen.sum("semantic_bit_safety_checks_total", outcome=outcome)
            for outcome in ("flagged", "passed")
        )
        assert found == counts


class TestModelGauges:
    def shown(self, gauges: ModelGauges) -> Scrape:
        registry = CollectorRegistry()
        registry.register(gauges)
        return Scrape.of(registry)

    def test_say_that_no_model_is_loaded_yet(self) -> None:
        seen = self.shown(ModelGauges())
        assert [(sample.name, sample.value) for sample in seen.samples] == [
            ("semantic_bit_model_loaded", 0)
        ]

    def test_say_what_is_loaded(self) -> None:
        gauges = ModelGauges()
        gauges.loaded("demo", 12.5)
        gauges.serves([WARM, ServedModel(name="cold")])
        gauges.reads_memory_with(lambda: {"total": 100, "allocated": 40})
        seen = self.shown(gauges)
        assert seen.sum("semantic_bit_model_loaded") == 1
        assert seen.sum("semantic_bit_warm_models") == 1
        assert seen.counted("semantic_bit_model_load_seconds") == {("demo",): 12.5}
        assert seen.sum("semantic_bit_build_info", model="demo", dtype="float32") == 1
        assert seen.sum("semantic_bit_gpu_memory_bytes", kind="allocated") == 40

    def test_leave_out_the_memory_that_a_device_does_not_have(self) -> None:
        gauges = ModelGauges()
        gauges.loaded("demo", 1)
        gauges.serves([WARM])
        assert "semantic_bit_gpu_memory_bytes" not in self.shown(gauges).names()
