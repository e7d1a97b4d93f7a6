"""What a worker counts of its painting, and what it shows of its model."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum

from PIL.Image import Image
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.metrics_core import Metric

from shared import VERSION
from shared.exposition import PREFIX, exposed, gauge
from shared.generation import Build, GenerationRequest, GenerationResult
from shared.job_metrics import JobMetrics
from shared.jobs import Job
from shared.worker_registry import ServedModel
from worker.around import AroundPipeline
from worker.inputs import NO_INPUTS, Inputs
from worker.painting import Lane, OnStep, Outcome, Painting, Pipeline

# From a tiny model on a GPU to SD 1.5 on a CPU.
_STAGE_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_DENOISE_SECONDS = (0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 7.5, 10, 20, 30, 60, 120, 300, 600)
_STEP_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_BATCH_SIZES = (1, 2, 4, 8, 16)

# The sizes that pictures are counted under: each under the smallest square that is as large.
_SIDES = (256, 384, 512, 640, 768)


class Again(StrEnum):
    """Why something was tried a second time within a picture."""

    OUT_OF_MEMORY = "out_of_memory"
    NOT_FINITE = "not_finite"


_LOOKS = {False: "passed", True: "flagged"}

OnAgain = Callable[[Again], None]
"""Hears of a second try."""

ReadMemory = Callable[[], Mapping[str, int]]
"""Gives the device's memory in bytes, by kind; nothing where the device has none of its own."""


class WorkerMetrics:
    """Counts for a worker, in its parent process and in the child that paints."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self.counts = registry
        self.model = ModelGauges()
        self._jobs = JobMetrics(registry)
        self._text = _stage("text", "Time to encode the prompt.", registry)
        self._denoise = Histogram(
            f"{PREFIX}denoise_seconds",
            "Time of all denoising steps of a picture.",
            buckets=_DENOISE_SECONDS,
            registry=registry,
        )
        self._decode = _stage("decode", "Time to decode latents to pixels.", registry)
        self._encode = _stage("encode", "Time to encode pixels as PNG.", registry)
        self._step = Histogram(
            f"{PREFIX}step_seconds",
            "Time of a denoising step, as the mean of each picture's, by size class and scheduler.",
            ["size", "scheduler"],
            buckets=_STEP_SECONDS,
            registry=registry,
        )
        self._batch_size = Histogram(
            f"{PREFIX}batch_size",
            "Pictures that went through the model at once, observed for each of them.",
            buckets=_BATCH_SIZES,
            registry=registry,
        )
        self._steps = Counter(
            f"{PREFIX}steps",
            "Denoising steps that were executed, also for pictures that came to nothing.",
            registry=registry,
        )
        self._truncated = Counter(
            f"{PREFIX}prompts_truncated",
            "Pictures of one of whose prompts the model did not read the end.",
            registry=registry,
        )
        self._again = Counter(
            f"{PREFIX}retries",
            "Second tries within a picture: after the device's memory ran out, or in float32 "
            "after numbers that were not finite.",
            ["reason"],
            registry=registry,
        )
        self._looks = Counter(
            f"{PREFIX}safety_checks",
            "Pictures that the safety checker has looked at, by what it found.",
            ["outcome"],
            registry=registry,
        )
        for outcome in _LOOKS.values():
            self._looks.labels(outcome)
        for reason in Again:
            self._again.labels(reason.value)

    def exposed(self) -> CollectorRegistry:
        """Give what a scrape of this process is told."""
        return exposed(self.counts, self.model, ProcessCollector(registry=None))

    def changed(self, before: Job | None, after: Job) -> None:
        """Count a change of a job, and how its picture was made; to be told of each one once."""
        self._jobs.changed(before, after)
        is_new = before is not None and before.result is None
        if is_new and after.result is not None:
            self._painted(after.result, steps=after.request.steps_run)

    def stepped(self) -> None:
        """Count a denoising step."""
        self._steps.inc()

    def tried_again(self, reason: Again) -> None:
        """Count a second try."""
        self._again.labels(reason.value).inc()

    def looked(self, *, flagged: bool) -> None:
        """Count a picture that the safety checker has looked at."""
        self._looks.labels(_LOOKS[flagged]).inc()

    def _painted(self, result: GenerationResult, *, steps: int) -> None:
        timings = result.timings
        self._text.observe(timings.text)
        self._denoise.observe(timings.denoise)
        self._decode.observe(timings.decode)
        self._encode.observe(timings.encode)
        step_seconds = timings.denoise / steps
        self._step.labels(size_class(result), result.scheduler.value).observe(step_seconds)
        self._batch_size.observe(result.batch_size)
        self._truncated.inc(bool(result.dropped_text or result.dropped_negative_text))


class CountedPipeline(AroundPipeline):
    """Counts the steps of a pipeline and its flagged pictures, whatever becomes of them."""

    def __init__(self, pipeline: Pipeline, metrics: WorkerMetrics) -> None:
        super().__init__(pipeline)
        self._metrics = metrics

    def generate(
        self, request: GenerationRequest, on_step: OnStep, inputs: Inputs = NO_INPUTS
    ) -> Painting:
        """Paint, as the pipeline does."""
        painting = self._pipeline.generate(request, self._counted(on_step), inputs)
        self._looked(painting)
        return painting

    def generate_batch(self, lanes: Sequence[Lane]) -> list[Outcome]:
        """Paint, as the pipeline does."""
        counted = [replace(lane, on_step=self._counted(lane.on_step)) for lane in lanes]
        outcomes = self._pipeline.generate_batch(counted)
        for painting in outcomes:
            if isinstance(painting, Painting):
                self._looked(painting)
        return outcomes

    def _counted(self, on_step: OnStep) -> OnStep:
        def count_and_go_on(step: int, preview: Callable[[], Image] | None = None) -> None:
            if step > 0:
                self._metrics.stepped()
            on_step(step, preview)

        return count_and_go_on

    def _looked(self, painting: Painting) -> None:
        if painting.flagged is not None:
            self._metrics.looked(flagged=painting.flagged)


class ModelGauges:
    """Shows what is loaded in this process, as it is at each scrape."""

    def __init__(self) -> None:
        self._warm: dict[str, Build] = {}
        self._load_seconds: dict[str, float] = {}
        self._read_memory: ReadMemory = dict

    def reads_memory_with(self, read_memory: ReadMemory) -> None:
        """Show the device's memory too."""
        self._read_memory = read_memory

    def loaded(self, name: str, seconds: float) -> None:
        """Show what the last load of a model has taken."""
        self._load_seconds[name] = seconds

    def serves(self, models: Sequence[ServedModel]) -> None:
        """Show which models are warm."""
        self._warm = {model.name: model.build for model in models if model.warm and model.build}

    def collect(self) -> Iterator[Metric]:
        """Give the gauges."""
        warm = dict(self._warm)
        yield gauge("model_loaded", "Whether this worker has a model loaded.", bool(warm))
        if not self._load_seconds:
            return
        yield gauge("warm_models", "Models that are loaded.", len(warm))
        yield _load_seconds(self._load_seconds)
        yield _build_info(warm.values())
        memory = gauge("gpu_memory_bytes", "Memory of the GPU, by kind.", labels=["kind"])
        for kind, size in self._read_memory().items():
            memory.add_metric([kind], size)
        if memory.samples:
            yield memory


def _load_seconds(seconds: Mapping[str, float]) -> Metric:
    loads = gauge(
        "model_load_seconds", "Time that the last load of each model took.", labels=["model"]
    )
    for name, took in dict(seconds).items():
        loads.add_metric([name], took)
    return loads


def size_class(result: GenerationResult) -> str:
    """Give the class that pictures of this size are counted under, such as `512x512`."""
    pixels = result.width * result.height
    side = next((side for side in _SIDES if side * side >= pixels), _SIDES[-1])
    return f"{side}x{side}"


def _stage(name: str, text: str, registry: CollectorRegistry) -> Histogram:
    return Histogram(f"{PREFIX}{name}_seconds", text, buckets=_STAGE_SECONDS, registry=registry)


_SHOWN_OF_A_BUILD = ("model", "model_revision", "device", "device_name", "dtype")


def _build_info(builds: Iterable[Build]) -> Metric:
    info = gauge("build_info", "What runs here.", labels=["version", *_SHOWN_OF_A_BUILD])
    for build in builds:
        info.add_metric([VERSION, *(getattr(build, name) for name in _SHOWN_OF_A_BUILD)], 1)
    return info
