"""Does one job: claim, paint, write the outcome."""

import hashlib
import time
from collections.abc import Callable, Generator, Iterator
from contextvars import copy_context
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Protocol

from PIL import Image

from shared.errors import AttemptLost, JobAlreadyTaken, ServiceError, StorageUnavailable
from shared.event_log import EventLog
from shared.generation import Build, GenerationRequest, GenerationResult, Timings
from shared.image_store import ImageStore
from shared.input_store import InputStore
from shared.job_context import concerning
from shared.job_parts import FailureType, JobFailure
from shared.job_store import JobStore, Transition
from shared.jobs import Job
from shared.log import get_logger, prompt_head
from shared.loras import LoraUsed
from shared.pace import Pace, PaceStore, Work
from shared.picture_metadata import PROGRAM, PictureMetadata, PictureResult
from shared.tracing import Span, Tracing
from worker.encoding import encode_png
from worker.expectation import Expectation
from worker.finisher import Behind, finish_now
from worker.inputs import NO_INPUTS, InputGone, Inputs, read_inputs
from worker.job_trace import attempt_span, record_stages
from worker.lease import Canceled, Lease
from worker.patience import patiently
from worker.previews import Previews
from worker.prompt_account import PromptAccount

_log = get_logger(__name__)

_INTERNAL_ERROR = JobFailure(
    type=FailureType.INTERNAL_ERROR,
    detail="The picture could not be made; the worker's log says why under this job's id.",
)


_NOT_KEPT = JobFailure(
    type=FailureType.STORAGE_UNAVAILABLE,
    detail="The picture was painted, but nothing could keep it: the store of pictures is away.",
)
_INPUT_GONE = JobFailure(
    type=FailureType.INPUT_GONE,
    detail="The picture that this one begins with is not kept any more; send it again.",
)


@dataclass(frozen=True)
class Painting:
    """A picture as it leaves the pipeline, with the seconds of each stage."""

    image: Image.Image
    text_seconds: float
    denoise_seconds: float
    decode_seconds: float
    account: PromptAccount = field(default_factory=PromptAccount)
    loras: tuple[LoraUsed, ...] = ()
    flagged: bool | None = None
    """Whether the safety checker took offence; None where there is none."""


class PaintingFailed(Exception):
    """The pipeline could not paint, for a reason that the client may know."""

    def __init__(self, failure_type: FailureType, detail: str) -> None:
        super().__init__(detail)
        self.failure = JobFailure(type=failure_type, detail=detail)


class DeviceLost(Exception):
    """The device is broken for this process; only a new one can use it again."""


class OnStep(Protocol):
    """What a pipeline calls after each sampler step."""

    def __call__(self, step: int, preview: Callable[[], Image.Image] | None = None) -> None:
        """Take note of the step, 0 before the first; `preview` gives the picture as it stands."""
        ...


class Pipeline(Protocol):
    """What paints, with one model or several."""

    def build_of(self, request: GenerationRequest) -> Build | None:
        """What its picture depends on beside the request; None before its model was loaded."""
        ...

    def load_seconds(self, request: GenerationRequest) -> float | None:
        """Seconds that it takes to load the model; 0 for a warm one, None where not known."""
        ...

    def generate(
        self, request: GenerationRequest, on_step: OnStep, inputs: Inputs = NO_INPUTS
    ) -> Painting:
        """Paint on these inputs; `on_step` follows each step, and what it raises ends the painting.

        Raises:
            PaintingFailed: The picture could not be made, for a reason a client may know.
            DeviceLost: This process cannot paint any more.
        """
        ...


class SingleModel(Protocol):
    """A warm model."""

    @property
    def build(self) -> Build:
        """What the pictures depend on beside their requests."""
        ...

    def generate(
        self, request: GenerationRequest, on_step: OnStep, inputs: Inputs = NO_INPUTS
    ) -> Painting:
        """Paint, as a pipeline does."""
        ...


class Runner:
    """Runs jobs by their ids, each to an outcome in its record; paints one at a time."""

    def __init__(
        self,
        *,
        store: JobStore,
        inputs: InputStore,
        images: ImageStore,
        events: EventLog,
        paces: PaceStore,
        pipeline: Pipeline,
        worker: str,
        renew_seconds: float,
        step_timeout: float,
        end_process: Callable[[], None],
        dispatch: Callable[[], None],
        announce: Callable[[Job], None],
        tracing: Tracing,
    ) -> None:
        """Take the parts.

        `end_process` ends this process and leaves its jobs to other attempts; `dispatch` sends the
        message of the next job; `announce` hears of every job that has ended. None of them fails.
        """
        self._store = store
        self._inputs = inputs
        self._images = images
        self._events = events
        self._paces = paces
        self._pipeline = pipeline
        self._worker = worker
        self._renew_seconds = renew_seconds
        self._step_timeout = step_timeout
        self._end_process = end_process
        self._dispatch = dispatch
        self._announce = announce
        self._tracing = tracing

    def run(self, job_id: str, behind: Behind = finish_now) -> str:
        """Run the job, unless it is not there to claim: a message may come twice, or late.

        Say in a word, for people who look at the queue, what has become of it when the device is
        free for the next one. `behind` does the rest.
        """
        token = token_hex(8)

        def claim(job: Job, now: datetime) -> Job:
            seconds = self._seconds_of(job)
            expected_at = None if seconds is None else now + timedelta(seconds=seconds)
            return job.claim(token, self._worker, now, expected_at=expected_at)

        try:
            job = self._store.hold(job_id, claim)
        except (JobAlreadyTaken, ServiceError) as refusal:
            _log.info("nothing to claim", job_id=job_id, reason=str(refusal))
            return "nothing to claim"
        attempt, context = self._attempt(job, token), copy_context()
        word = context.run(next, attempt)
        behind(job_id, lambda: context.run(_exhaust, attempt))
        return word

    def _seconds_of(self, job: Job) -> float | None:
        load = self._pipeline.load_seconds(job.request)
        paint = self._pace_of(job).seconds(Work.of(job.request))
        return None if load is None or paint is None else load + paint

    def _pace_of(self, job: Job) -> Pace:
        build = self._pipeline.build_of(job.request)
        return self._paces.of(build) if build else Pace({})

    def _attempt(self, job: Job, token: str) -> Iterator[str]:
        """Give a word when the device is free; what follows may be done in another thread.

        The span, the lease and the log's ids are those of the whole.
        """
        with concerning(job):
            _log.info("job started", prompt=prompt_head(job.request.prompt))
            try:
                with (
                    attempt_span(self._tracing, job) as span,
                    self._hold(job, token) as lease,
                ):
                    outcome = yield from self._paint(job, token, lease)
                    yield self._finish(job, outcome, span)
            except AttemptLost:
                _log.warning("attempt lost", attempt=job.attempt)
                patiently(lambda: self._images.discard(job))
                yield "attempt lost"
            except DeviceLost as error:
                _log.error("device lost", reason=str(error))
                self._end_process()
                yield "device lost"

    def _hold(self, job: Job, token: str) -> Lease:
        work, pace = Work.of(job.request), self._pace_of(job)
        return Lease(
            self._store,
            job,
            token,
            expectation=Expectation(work.steps, pace.of(work.shape)),
            previews=Previews(self._events, job, token),
            dispatch=self._dispatch,
            interval_seconds=self._renew_seconds,
            step_timeout=self._step_timeout,
            end_process=self._end_process,
        )

    def _paint(self, job: Job, token: str, lease: Lease) -> Generator[str, None, Transition]:
        try:
            result = yield from self._make_picture(job, lease)
        except (AttemptLost, DeviceLost):
            raise
        except Canceled:
            return lambda job, now: job.acknowledge_cancel(token, now)
        except InputGone as error:
            _log.error("input gone", reference=str(error))
            return lambda job, now: job.fail(token, _INPUT_GONE, now)
        except PaintingFailed as error:
            _log.error("painting failed", type=error.failure.type, reason=str(error))
            failure = error.failure
            return lambda job, now: job.fail(token, failure, now)
        except StorageUnavailable:
            _log.error("the picture could not be kept")
            return lambda job, now: job.fail(token, _NOT_KEPT, now)
        except Exception:  # noqa: BLE001  # Whatever the model raises, the job ends and says so.
            _log.exception("painting failed")
            return lambda job, now: job.fail(token, _INTERNAL_ERROR, now)
        else:
            return lambda job, now: job.succeed(token, result, now)

    def _make_picture(self, job: Job, lease: Lease) -> Generator[str, None, GenerationResult]:
        started = time.perf_counter()
        inputs = patiently(lambda: read_inputs(self._inputs, job))
        painting = self._pipeline.generate(job.request, lease.checkpoint, inputs)
        build = self._pipeline.build_of(job.request)
        assert build is not None  # It has painted.
        lease.painted()
        yield "painted"
        encoding = time.perf_counter()
        png = encode_png(painting.image, _texts(job.request, painting, build))
        ended = time.perf_counter()
        timings = Timings(
            queue=_queue_seconds(job),
            text=painting.text_seconds,
            denoise=painting.denoise_seconds,
            decode=painting.decode_seconds,
            encode=ended - encoding,
            total=ended - started,
        )
        patiently(lambda: self._images.put(job, png))
        record_stages(self._tracing, timings, store_seconds=time.perf_counter() - ended)
        return _result(job, painting, png, build=build, timings=timings)

    def _finish(self, job: Job, outcome: Transition, span: Span) -> str:
        ended = patiently(lambda: self._store.update(job.id, outcome))
        _log.info("job ended", state=ended.state.value)
        span.note(state=ended.state.value)
        if ended.error is not None:
            span.fail(ended.error.type)
        self._announce(ended)
        if ended.result is None:
            patiently(lambda: self._images.discard(ended))
        else:
            result = ended.result
            work = Work.of(ended.request)
            patiently(lambda: self._paces.learn(result.build, work, result.timings))
        return ended.state.value


def _exhaust(attempt: Iterator[str]) -> None:
    for _ in attempt:
        pass


def _queue_seconds(job: Job) -> float:
    assert job.started_at is not None
    return (job.started_at - job.created_at).total_seconds()


def _texts(request: GenerationRequest, painting: Painting, build: Build) -> dict[str, str]:
    if not request.embed_metadata:
        return {}
    result = PictureResult(
        program=PROGRAM,
        **asdict(painting.account),
        build=build,
        loras=painting.loras,
    )
    return PictureMetadata(request=request, result=result).texts()


def _result(
    job: Job, painting: Painting, png: bytes, *, build: Build, timings: Timings
) -> GenerationResult:
    request = job.request
    return GenerationResult(
        **request.model_dump(include=set(GenerationResult.model_fields) - {"loras"}),
        **asdict(painting.account),
        build=build,
        timings=timings,
        image_bytes=len(png),
        image_sha256=hashlib.sha256(png).hexdigest(),
        loras=painting.loras,
        flagged=painting.flagged,
    )
