from collections.abc import Callable

import pytest
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from api.callers import Caller
from api.job_service import JobService
from api.job_submission import JobSubmission
from shared.errors import ModelNotLoaded
from shared.generation import GenerationRequest
from shared.job_parts import JobState
from shared.job_queue import JobQueue, create_celery
from shared.job_store import JobStore
from shared.jobs import Job
from shared.webhook import Webhook
from shared.worker_groups import GENERATE
from shared.worker_registry import Heartbeat, WorkerRegistry, WorkerState
from tests.support.builders import claim_job
from tests.support.services import make_job_service

ANYBODY = Caller(name="")
URL = "https://receiver.example/hook"
REQUEST = JobSubmission(prompt="a red apple")


class RememberingQueue(JobQueue):
    """Sends nothing; remembers the jobs, and what the store had of them; or fails."""

    def __init__(self, redis: Redis, look: Callable[[str], Job]) -> None:
        super().__init__(create_celery("redis://127.0.0.1:1/0"), redis)
        self.look = look
        self.stored: list[Job] = []
        self.deliveries: list[str] = []
        self.error: Exception | None = None

    def put_delivery(self, job_id: str) -> None:
        self.deliveries.append(job_id)
        if self.error is not None:
            raise self.error

    def put(self, job: Job, queue: str = GENERATE) -> None:  # noqa: ARG002  # The parent's.
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
        job = jobs.submit(REQUEST, ANYBODY)
        assert queue.stored == [job]

    @pytest.mark.parametrize("error", [OperationalError(), RedisError()])
    def test_keeps_the_job_though_its_message_was_not_sent(
        self, jobs: JobService, store: JobStore, queue: RememberingQueue, error: Exception
    ) -> None:
        queue.error = error
        job = jobs.submit(REQUEST, ANYBODY)
        assert store.get(job.id) == job
        assert job.state is JobState.QUEUED

    def test_keeps_the_seed_that_was_asked_for(self, jobs: JobService) -> None:
        request = JobSubmission(prompt="a red apple", seed=0)
        assert jobs.submit(request, ANYBODY).request.seed == 0

    def test_leaves_nothing_behind_where_no_worker_is_there(
        self, jobs: JobService, store: JobStore, workers: WorkerRegistry
    ) -> None:
        workers.withdraw("a")
        with pytest.raises(ModelNotLoaded):
            jobs.submit(REQUEST, ANYBODY)
        assert store.queued_ids() == []


class TestSubmission:
    def test_is_stored_without_its_webhook_but_as_it_was_asked(self, jobs: JobService) -> None:
        submission = JobSubmission(prompt="a", num_inference_steps=28, webhook_url=URL)
        job = jobs.submit(submission, ANYBODY)
        assert type(job.request) is GenerationRequest
        assert job.webhook == Webhook(url=URL)

    def test_has_no_webhook_unless_it_names_one(self, jobs: JobService) -> None:
        assert jobs.submit(REQUEST, ANYBODY).webhook is None

    def test_of_a_blocking_call_is_that_of_a_submit(self) -> None:
        request = GenerationRequest(prompt="a", num_inference_steps=28)
        submission = JobSubmission.of(request)
        assert submission == JobSubmission(prompt="a", num_inference_steps=28)
        assert submission.request == request
        assert submission.request.model_fields_set == {"prompt", "num_inference_steps"}


class TestCancel:
    def test_wakes_the_delivery_worker(self, jobs: JobService, queue: RememberingQueue) -> None:
        job = jobs.submit(JobSubmission(prompt="a", webhook_url=URL), ANYBODY)
        jobs.cancel(job.id)
        assert queue.deliveries == [job.id]

    def test_wakes_it_only_at_the_end(
        self, jobs: JobService, queue: RememberingQueue, store: JobStore
    ) -> None:
        job = jobs.submit(JobSubmission(prompt="a", webhook_url=URL), ANYBODY)
        claim_job(store, job.id)
        assert jobs.cancel(job.id).state is JobState.CANCELING
        assert queue.deliveries == []

    def test_wakes_nobody_where_there_is_no_webhook(
        self, jobs: JobService, queue: RememberingQueue
    ) -> None:
        jobs.cancel(jobs.submit(REQUEST, ANYBODY).id)
        assert queue.deliveries == []

    @pytest.mark.parametrize("error", [OperationalError(), RedisError()])
    def test_succeeds_though_nobody_can_be_woken(
        self, jobs: JobService, queue: RememberingQueue, error: Exception
    ) -> None:
        job = jobs.submit(JobSubmission(prompt="a", webhook_url=URL), ANYBODY)
        queue.error = error
        assert jobs.cancel(job.id).state is JobState.CANCELED
