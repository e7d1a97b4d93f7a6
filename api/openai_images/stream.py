"""One picture as OpenAI's server-sent events: how it comes along, and the whole of it."""

import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator
from time import time
from typing import Literal

from fastapi.sse import format_sse_event
from pydantic import BaseModel
from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool

from api.blocking_call import BlockingCall
from api.errors import error_response
from api.event_feed import EventFeeds
from api.event_stream import EventStream
from api.idempotency import IdempotencyKey
from api.openai_images.answer import Usage, b64_of, quality_of, size_of
from api.openai_images.errors import translated
from api.openai_images.request import ImagesRequest
from api.own_jobs import OwnJobs
from api.picture_formats import PictureFormat, enlarged
from api.series import Picture, Series
from shared.errors import BrokerUnavailable, ServerStopping, ServiceError
from shared.generation import GenerationRequest
from shared.job_events import EventType, JobEvent
from shared.job_parts import CancelReason
from shared.jobs import Job


class _Event(BaseModel):
    """What both events say."""

    b64_json: str
    background: Literal["opaque"] = "opaque"
    created_at: int
    output_format: PictureFormat
    quality: Literal["auto"] = "auto"
    size: str


class PartialImage(_Event):
    """A picture on the way."""

    type: Literal["image_generation.partial_image"] = "image_generation.partial_image"
    partial_image_index: int


class Completed(_Event):
    """The picture, with what is ours."""

    type: Literal["image_generation.completed"] = "image_generation.completed"
    usage: Usage
    seed: int
    job_id: str
    dropped_text: str
    flagged: bool | None


class PartialPlan:
    """Chooses `count` of the previews, spread over the steps; fewer where few come."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._passed = 0
        self._chosen = 0

    def index_of(self, step: int, total: int) -> int | None:
        """Give the number of the preview after a step, 0 for the first; None to leave it out."""
        passed = min(step * (self._count + 1) // total, self._count)
        if passed <= self._passed:
            return None
        self._passed = passed
        self._chosen += 1
        return self._chosen - 1


class PictureStreams:
    """Paints a picture for a client that follows how it comes along."""

    def __init__(
        self, jobs: OwnJobs, feeds: EventFeeds, series: Series, call: BlockingCall
    ) -> None:
        self._jobs = jobs
        self._feeds = feeds
        self._series = series
        self._call = call

    async def open(
        self, request: ImagesRequest, generation: GenerationRequest, key: IdempotencyKey | None
    ) -> EventStream:
        """Queue a job, and give the stream of its events; a client that leaves cancels the job."""
        job = await run_in_threadpool(self._enter, generation, key)

        def leave(is_whole: bool) -> None:  # noqa: FBT001
            self._call.leave(job, None if is_whole else CancelReason.CLIENT_DISCONNECTED)

        events = _PictureEvents(request, job, self._jobs).follow(self._feeds)
        return EventStream(events, at_end=leave)

    def _enter(self, generation: GenerationRequest, key: IdempotencyKey | None) -> Job:
        job = self._series.submit(generation, key)
        self._call.enter(job)
        return job


class _PictureEvents:
    """Tells of one job in OpenAI's words."""

    def __init__(self, request: ImagesRequest, job: Job, jobs: OwnJobs) -> None:
        self._request = request
        self._job = job
        self._jobs = jobs

    async def follow(self, feeds: EventFeeds) -> AsyncGenerator[bytes, None]:
        """Give the events; an error is the last of them."""
        try:
            async for event in self._pictures(feeds):
                yield format_sse_event(event=event.type, data_str=event.model_dump_json())
        except ServiceError as error:
            yield _error_event(error)
        except RedisError:
            yield _error_event(BrokerUnavailable())

    async def _pictures(self, feeds: EventFeeds) -> AsyncIterator[PartialImage | Completed]:
        partials = self._request.partial_images or 0
        plan = PartialPlan(partials)
        async for event in feeds.follow(self._job.id, after=0, previews=partials > 0):
            index = _index_of(event, plan)
            if index is not None:
                yield await run_in_threadpool(self._partial, event, index)
        yield await run_in_threadpool(self._completed)

    def _partial(self, event: JobEvent, index: int) -> PartialImage:
        preview = base64.b64decode(str(event.data["image"]).partition(",")[2])
        size = (self._job.request.width, self._job.request.height)
        picture = enlarged(preview, size, self._request.format, quality_of(self._request))
        return PartialImage(
            b64_json=base64.b64encode(picture).decode(),
            created_at=int(time()),
            output_format=self._request.format,
            size=f"{size[0]}x{size[1]}",
            partial_image_index=index,
        )

    def _completed(self) -> Completed:
        job = self._jobs.get(self._job.id)
        if not job.state.is_final:
            raise ServerStopping(job.id)
        picture = Picture(job, self._jobs.image(job).read())
        return Completed(
            b64_json=b64_of(self._request, picture.png),
            created_at=int(time()),
            output_format=self._request.format,
            size=size_of(picture.result),
            usage=Usage.of(picture.result),
            seed=picture.result.seed,
            job_id=job.id,
            dropped_text=picture.result.dropped_text,
            flagged=picture.result.flagged,
        )


def _index_of(event: JobEvent, plan: PartialPlan) -> int | None:
    if event.type is not EventType.PREVIEW:
        return None
    step, total = event.data["step"], event.data["total"]
    assert isinstance(step, int)
    assert isinstance(total, int)
    return plan.index_of(step, total)


def _error_event(error: ServiceError) -> bytes:
    body = translated(error_response(error).body)
    data = {"type": "error", **body.model_dump()}
    return format_sse_event(event="error", data_str=json.dumps(data))
