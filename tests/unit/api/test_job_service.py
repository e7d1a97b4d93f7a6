from collections.abc import Callable

import pytest
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from api.job_service import JobService
from shared.errors import ModelNotLoaded
from shared.generation import GenerationRequest
from shared.job_parts import JobState
from shared.job_queue import JobQueue, create_celery
from shared.job_store import JobStore
from shared.jobs import Job
from shared.worker_registry import Heartbeat, WorkerRegistry, WorkerState
from tests.support.services import make_job_service

REQUEST = GenerationRequest(prompt="a red apple")


class RememberingQueue(JobQueue):
    """Sends nothing; remembers the jobs, and what the store had of them; or fails."""

    def __init__(self, redis: Redis, look: Callable[[str], Job]) -> None:
        super().__init__(create_celery("redis://127.0.0.1:1/0"), redis)
        self.look = look
        self.stored: list[Job] = []
        self.error: Exception | None = None

    def put(self, job: Job) -> None:
        self.stored.append(self.look(job.id))
        if self.error is not None:
            raise self.error


@pytest.fixture
def store(fake_redis: Redis) -> JobStore:
    return JobStore(fake_redis, result_ttl=60, lease_seconds=15)


@pytest.fixture
def queue(fake_redis: Redis, store: JobStore) -> RememberingQueue:
    return RememberingQueue(fake_redis, store.get)


@pytest.fixture
def workers(fake_redis: Redis) -> WorkerRegistry:
    workers = WorkerRegistry(fake_redis)
    workers.announce(Heartbeat(worker="a", state=WorkerState.READY))
    return workers


@pytest.fixture
def jobs(
    fake_redis: Redis, store: JobStore, queue: JobQueue, workers: WorkerRegistry
) -> JobService:
    return make_job_service(fake_redis, store, queue, limit=10)


class TestSubmit:
    def test_writes_the_record_before_the_message(
        self, jobs: JobService, queue: RememberingQueue
    ) -> None:
        job = jobs.submit(REQUEST)
        assert queue.stored == [job]

    @pytest.mark.parametrize("error", [OperationalError(), RedisError()])
    def test_keeps_the_job_though_its_message_was_not_sent(
        self, jobs: JobService, store: JobStore, queue: RememberingQueue, error: Exception
    ) -> None:
        queue.error = error
        job = jobs.submit(REQUEST)
        assert store.get(job.id) == job
        assert job.state is JobState.QUEUED

    def test_draws_a_seed_that_is_valid_and_differs(self, jobs: JobService) -> None:
        seeds = [jobs.submit(REQUEST).request.seed for _ in range(5)]
        assert all(seed is not None and 0 <= seed < 2**32 for seed in seeds)
        assert len(set(seeds)) == 5

    def test_keeps_the_seed_that_was_asked_for(self, jobs: JobService) -> None:
        request = GenerationRequest(prompt="a red apple", seed=0)
        assert jobs.submit(request).request.seed == 0

    def test_leaves_nothing_behind_where_no_worker_is_there(
        self, jobs: JobService, store: JobStore, workers: WorkerRegistry
    ) -> None:
        workers.withdraw("a")
        with pytest.raises(ModelNotLoaded):
            jobs.submit(REQUEST)
        assert store.queued_ids() == []
