"""A job's events as they come, server-sent."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.dependencies import Feeds
from api.own_dependencies import JobId, Jobs

router = APIRouter(prefix="/jobs", tags=["jobs"])

LastEventId = Annotated[
    int,
    Header(
        alias="Last-Event-ID",
        ge=0,
        description="The `id` of the last event that came; the next ones follow.",
    ),
]
WithPreviews = Annotated[
    bool, Query(alias="preview", description="Also send small pictures of where it stands.")
]


def _require_job(job_id: JobId, jobs: Jobs) -> None:
    jobs.get(job_id)  # Its errors are answers, not events.


@router.get(
    "/{job_id}/events",
    response_class=EventSourceResponse,
    dependencies=[Depends(_require_job)],
)
async def follow(
    job_id: JobId, feeds: Feeds, last_event_id: LastEventId = 0, *, preview: WithPreviews = False
) -> AsyncIterator[ServerSentEvent]:
    """Tell what happens to a job: `queued`, `started`, `step`, `preview`, `canceling`, and its end.

    The last event is `succeeded`, `failed` or `canceled`, with the whole job. Events with an `id`
    are kept: after a break, `Last-Event-ID` goes on without a gap, or says with the event `gap`
    which ones are not kept any more.
    """
    async for event in feeds.follow(job_id, after=last_event_id, previews=preview):
        number = None if event.number is None else str(event.number)
        yield ServerSentEvent(event=event.type, data=event.data, id=number)
