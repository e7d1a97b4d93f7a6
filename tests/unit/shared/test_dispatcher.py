import pytest
from kombu.exceptions import OperationalError
from redis import Redis

from shared.dispatcher import Dispatcher
from shared.job_queue import JobQueue, create_celery
from shared.job_store import JobStore
from shared.jobs import Job
from tests.support.builders import claim_job, store_job


class RememberingQueue(JobQueue):
    """Sends nothing; remembers the jobs, or fails."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(create_celery("redis://127.0.0.1:1/0"), redis)
        self.sent: list[str] = []
        self.is_broken = False

    def put(self, job: Job) -> None:
        if self.is_broken:
            raise OperationalError
        self.sent.append(job.id)


@pytest.fixture
def store(fake_redis: Redis) -> JobStore:
    return JobStore(fake_redis, result_ttl=60, lease_seconds=15)


@pytest.fixture
def queue(fake_redis: Redis) -> RememberingQueue:
    return RememberingQueue(fake_redis)


class TestDispatch:
    def test_sends_a_job_once(self, store: JobStore, queue: RememberingQueue) -> None:
        store_job(store, "a")
        for _ in range(3):
            Dispatcher(store, queue).dispatch()
        assert queue.sent == ["a"]

    def test_keeps_the_others_back_until_it_is_claimed(
        self, store: JobStore, queue: RememberingQueue
    ) -> None:
        for job_id in "abc":
            store_job(store, job_id)
        dispatcher = Dispatcher(store, queue)
        dispatcher.dispatch()
        assert queue.sent == ["a"]
        claim_job(store, "a")
        dispatcher.dispatch()
        assert queue.sent == ["a", "b"]

    def test_sends_later_what_could_not_be_sent(
        self, store: JobStore, queue: RememberingQueue
    ) -> None:
        store_job(store, "a")
        dispatcher = Dispatcher(store, queue)
        queue.is_broken = True
        dispatcher.dispatch()
        queue.is_broken = False
        dispatcher.dispatch()
        assert queue.sent == ["a"]
