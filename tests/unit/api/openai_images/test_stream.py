import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from api.audience import Audience
from api.blocking_call import BlockingCall
from api.event_stream import EventStream
from api.openai_images.request import ImagesRequest
from api.openai_images.stream import PartialPlan, PictureStreams
from api.series import Series
from api.waiter import Waiter
from shared.job_queue import JobQueue, create_celery
from shared.job_store import JobStore
from shared.worker_registry import Heartbeat, WorkerRegistry, WorkerState
from tests.support.builders import BUILD, WORKER, make_request
from tests.support.services import make_feeds, make_job_service, make_own_jobs
from tests.unit.failing_redis import FailingRedis

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def redis() -> FailingRedis:
    return FailingRedis()


@pytest.fixture
def store(redis: FailingRedis) -> JobStore:
    ready = Heartbeat(worker=WORKER, state=WorkerState.READY, build=BUILD)
    WorkerRegistry(redis).announce(ready)
    return JobStore(redis, result_ttl=60, lease_seconds=15)


async def open_stream(redis: FailingRedis, store: JobStore) -> EventStream:
    """Give the stream of a server that is being stopped."""
    queue = JobQueue(create_celery(NOWHERE), redis)
    own = make_own_jobs(redis, store, queue)
    feeds = make_feeds(redis, store)
    feeds.stop()
    audience = Audience(redis, ttl_seconds=60)
    call = BlockingCall(
        make_job_service(redis, store, queue), Waiter(store), audience, timeout_seconds=60
    )
    streams = PictureStreams(own, feeds, Series(own, call), call)
    request = ImagesRequest(prompt="a", stream=True)
    return await streams.open(request, make_request(), None)


async def error_of(stream: EventStream) -> dict[str, Any]:
    """Give the data of the one event that a client gets, an error."""
    sent = b""

    async def receive() -> dict[str, str]:
        return {"type": "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal sent
        sent += message.get("body", b"")

    await stream({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send)
    event, data, *rest = sent.decode().splitlines()
    assert (event, rest) == ("event: error", [""])
    error: dict[str, Any] = json.loads(data.removeprefix("data: "))
    assert error["type"] == "error"
    return error


class TestPartialPlan:
    @pytest.mark.parametrize(
        ("count", "steps", "chosen"),
        [
            (0, range(1, 28), []),
            (1, range(1, 28), [14]),
            (2, range(1, 28), [10, 19]),
            (3, range(1, 28), [7, 14, 21]),
            (3, [1, 20, 27], [20, 27]),
            (3, [27], [27]),
            (3, [], []),
            (3, [7, 7, 6, 14, 13], [7, 14]),
        ],
    )
    def test_spreads_its_choice_over_the_steps(
        self, count: int, steps: list[int], chosen: list[int]
    ) -> None:
        plan = PartialPlan(count)
        taken = [(step, plan.index_of(step, 28)) for step in steps]
        assert [(step, index) for step, index in taken if index is not None] == [
            (step, index) for index, step in enumerate(chosen)
        ]


@pytest.mark.anyio
class TestStream:
    async def test_of_a_server_that_stops_ends_with_that_and_leaves_the_job_alone(
        self, redis: FailingRedis, store: JobStore
    ) -> None:
        error = await error_of(await open_stream(redis, store))
        assert error["error"]["code"] == "server_stopping"
        assert len(store.queued_ids()) == 1

    async def test_ends_with_an_error_where_redis_does_not_answer(
        self, redis: FailingRedis, store: JobStore
    ) -> None:
        stream = await open_stream(redis, store)
        redis.failures = 1000
        assert (await error_of(stream))["error"]["code"] == "broker_unavailable"
