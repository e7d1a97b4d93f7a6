import pytest
from fastapi import Request
from redis import Redis
from starlette.types import Message

from api.audience import Audience
from api.blocking_call import BlockingCall
from api.idempotency import IdempotencyKey
from api.job_service import JobService
from api.job_submission import JobSubmission
from api.own_jobs import OwnJobs
from api.series import Series, repeated
from api.waiter import Waiter
from shared.errors import QueueFull
from shared.job_parts import CancelReason, JobState
from shared.job_queue import JobQueue, create_celery
from shared.job_store import JobStore
from shared.jobs import Job
from shared.worker_registry import Heartbeat, WorkerRegistry, WorkerState
from tests.support.builders import BUILD, WORKER, make_request
from tests.support.runners import make_runner
from tests.support.services import make_job_service, make_own_jobs

NOWHERE = "redis://127.0.0.1:1/0"
KEY = IdempotencyKey("order-17")


async def _stays() -> Message:
    message = "nobody asks"
    raise AssertionError(message)


CONNECTION = Request({"type": "http"}, receive=_stays)


class AbandonedOnce(BlockingCall):
    """Finds the first job that is waited for canceled, as if another call had just left it."""

    def __init__(self, jobs: JobService, redis: Redis, store: JobStore) -> None:
        super().__init__(jobs, Waiter(store), Audience(redis, ttl_seconds=60), timeout_seconds=60)
        self._redis = redis
        self._store = store
        self.waited_for: list[Job] = []

    async def wait(
        self,
        job: Job,
        connection: Request,  # noqa: ARG002  # The base's.
        *,
        cancel_if_left: bool,  # noqa: ARG002
    ) -> Job:
        self.waited_for.append(job)
        if len(self.waited_for) == 1:
            self.leave(job, CancelReason.CLIENT_DISCONNECTED)
        else:
            make_runner(self._redis).run(job.id)
        return self._store.get(job.id)


@pytest.fixture
def store(fake_redis: Redis) -> JobStore:
    WorkerRegistry(fake_redis).announce(
        Heartbeat(worker=WORKER, state=WorkerState.READY, build=BUILD)
    )
    return JobStore(fake_redis, result_ttl=60, lease_seconds=15)


def make_series(
    redis: Redis, store: JobStore, *, limit: int = 100
) -> tuple[Series, AbandonedOnce, OwnJobs]:
    queue = JobQueue(create_celery(NOWHERE), redis)
    jobs = make_own_jobs(redis, store, queue, limit=limit)
    call = AbandonedOnce(make_job_service(redis, store, queue), redis, store)
    return Series(jobs, call), call, jobs


class TestRepeated:
    def test_counts_the_seed_on(self) -> None:
        requests = repeated(make_request(seed=5), 3)
        assert [request.seed for request in requests] == [5, 6, 7]
        assert {request.model_copy(update={"seed": 5}) for request in requests} == {requests[0]}


@pytest.mark.anyio
class TestPaint:
    async def test_paints_again_what_another_call_abandons_in_this_moment(
        self, fake_redis: Redis, store: JobStore
    ) -> None:
        series, call, _ = make_series(fake_redis, store)
        (picture,) = await series.paint([make_request(seed=None)], CONNECTION, KEY)
        abandoned, painted = call.waited_for
        assert picture.job.id == painted.id
        assert painted.request == abandoned.request

    async def test_leaves_a_job_alone_that_others_with_its_key_wait_for(
        self, fake_redis: Redis, store: JobStore
    ) -> None:
        series, call, jobs = make_series(fake_redis, store, limit=2)
        shared = series.submit(make_request(), KEY)
        call.enter(shared)
        jobs.submit(JobSubmission.of(make_request()))
        with pytest.raises(QueueFull):
            await series.paint([make_request(), make_request()], CONNECTION, KEY)
        assert store.get(shared.id).state is JobState.QUEUED

    async def test_cancels_a_job_of_its_key_that_nobody_waits_for(
        self, fake_redis: Redis, store: JobStore
    ) -> None:
        series, _, jobs = make_series(fake_redis, store, limit=2)
        jobs.submit(JobSubmission.of(make_request()))
        with pytest.raises(QueueFull):
            await series.paint([make_request(), make_request()], CONNECTION, KEY)
        assert store.count() == {JobState.QUEUED: 1, JobState.RUNNING: 0}
