"""One attempt at a job, from its claim to its outcome in the record."""

import hashlib
import time
from collections.abc import Callable, Generator
from contextvars import copy_context
from dataclasses import asdict, dataclass
from functools import partial
from typing import cast

from shared.errors import AttemptLost, StorageUnavailable
from shared.event_log import EventLog
from shared.generation import Build, GenerationRequest, GenerationResult, Timings
from shared.image_store import ImageStore
from shared.input_store import InputStore
from shared.job_context import concerning
from shared.job_parts import FailureType, JobFailure
from shared.job_store import JobStore, Transition
from shared.jobs import Job
from shared.log import get_logger, prompt_head
from shared.pace import Pace, PaceStore, Work
from shared.picture_metadata import PROGRAM, PictureMetadata, PictureResult
from shared.tracing import Span, Tracing
from worker.encoding import encode_png
from worker.expectation import Expectation
from worker.inputs import InputGone, read_inputs
from worker.job_trace import attempt_span, record_stages
from worker.lease import Canceled, Lease
from worker.painting import DeviceLost, Lane, Outcome, Painting, PaintingFailed, Pipeline
from worker.patience import patiently
from worker.previews import Previews

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

_Course = Generator[Lane | str, Painting, None]
"""Gives what is to be painted, then a word once the device is free; the rest is done without it."""


class RunningAttempt:
    """A job that this process holds, in three parts, each of which may be in another thread.

    The log's ids, the span and the lease are those of the whole.
    """

    def __init__(self, job: Job, course: _Course) -> None:
        self.job = job
        self._course = course
        self._context = copy_context()
        self._word: str | None = None

    def begin(self) -> Lane | None:
        """Give what is to be painted; None where it has come to nothing."""
        first = self._context.run(next, self._course)
        if isinstance(first, Lane):
            return first
        self._word = first
        return None

    def painted(self, outcome: Outcome | None) -> str:
        """Take what came of the lane, None without one; say in a word what becomes of the job."""
        if self._word is None:
            # Until its device is free an attempt has lanes to give, and then words.
            self._word = cast("str", self._context.run(self._go_on, outcome))
        return self._word

    def finish(self) -> None:
        """Do what needs no device: keep the picture, and write down how the job has ended."""
        self._context.run(lambda: [None for _ in self._course])

    def leave(self) -> None:
        """Write nothing: the process ends."""
        self._context.run(self._course.close)

    def _go_on(self, outcome: Outcome | None) -> Lane | str:
        assert outcome is not None
        if isinstance(outcome, Painting):
            return self._course.send(outcome)
        return self._course.throw(outcome)


@dataclass(frozen=True)
class Attempts:
    """Makes attempts of jobs that were claimed."""

    store: JobStore
    inputs: InputStore
    images: ImageStore
    events: EventLog
    paces: PaceStore
    pipeline: Pipeline
    renew_seconds: float
    step_timeout: float

    end_process: Callable[[], None]
    """Ends this process and leaves its jobs to other attempts."""

    dispatch: Callable[[], None]
    """Sends the message of the next job; never fails."""

    announce: Callable[[Job], None]
    """Hears of every job that has ended; never fails."""

    tracing: Tracing

    def of(self, job: Job, token: str, *, batch_size: int = 1) -> RunningAttempt:
        """Make the attempt of a job that was claimed with this token, one of so many at once."""
        return RunningAttempt(job, self._course(job, token, batch_size))

    def _course(self, job: Job, token: str, batch_size: int) -> _Course:
        with concerning(job):
            _log.info("job started", prompt=prompt_head(job.request.prompt))
            try:
                with (
                    attempt_span(self.tracing, job) as span,
                    self._hold(job, token, batch_size) as lease,
                ):
                    outcome = yield from self._paint(job, token, lease)
                    yield self._finish(job, outcome, span)
            except AttemptLost:
                _log.warning("attempt lost", attempt=job.attempt)
                patiently(lambda: self.images.discard(job))
                yield "attempt lost"
            except DeviceLost as error:
                _log.error("device lost", reason=str(error))
                self.end_process()
                yield "device lost"

    def seconds_of(self, job: Job) -> float | None:
        """Estimate the seconds from a claim to the picture; None where nothing is known."""
        load = self.pipeline.load_seconds(job.request)
        paint = self._pace_of(job).seconds(Work.of(job.request))
        return None if load is None or paint is None else load + paint

    def _pace_of(self, job: Job) -> Pace:
        build = self.pipeline.build_of(job.request)
        return self.paces.of(build) if build else Pace({})

    def _hold(self, job: Job, token: str, batch_size: int) -> Lease:
        work = Work.of(job.request)
        pace = self._pace_of(job).of(work.shape)
        return Lease(
            self.store,
            job,
            token,
            expectation=Expectation(work.steps, pace and pace.of_batch(batch_size)),
            previews=Previews(self.events, job, token),
            dispatch=self.dispatch,
            interval_seconds=self.renew_seconds,
            step_timeout=self.step_timeout * batch_size,
            end_process=self.end_process,
        )

    def _paint(
        self, job: Job, token: str, lease: Lease
    ) -> Generator[Lane | str, Painting, Transition]:
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

    def _make_picture(
        self, job: Job, lease: Lease
    ) -> Generator[Lane | str, Painting, GenerationResult]:
        started = time.perf_counter()
        inputs = patiently(lambda: read_inputs(self.inputs, job))
        painting = yield Lane(job.request, lease.checkpoint, inputs)
        build = self.pipeline.build_of(job.request)
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
        patiently(lambda: self.images.put(job, png))
        record_stages(self.tracing, timings, store_seconds=time.perf_counter() - ended)
        return _result(job, painting, png, build=build, timings=timings)

    def _finish(self, job: Job, outcome: Transition, span: Span) -> str:
        ended = patiently(lambda: self.store.update(job.id, outcome))
        _log.info("job ended", state=ended.state.value)
        span.note(state=ended.state.value)
        if ended.error is not None:
            span.fail(ended.error.type)
        self.announce(ended)
        if ended.result is None:
            patiently(lambda: self.images.discard(ended))
        else:
            patiently(partial(self._learn, Work.of(ended.request), ended.result))
        return ended.state.value

    def _learn(self, work: Work, result: GenerationResult) -> None:
        self.paces.learn(result.build, work, result.timings, batch_size=result.batch_size)


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
        batch_size=painting.batch_size,
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
        batch_size=painting.batch_size,
    )
