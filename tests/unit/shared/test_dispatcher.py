import pytest
from kombu.exceptions import OperationalError
from redis import Redis

from shared.dispatcher import Dispatcher
from shared.job_queue import JobQueue, create_celery
from shared.job_store import JobStore
from shared.jobs import Job
from shared.worker_groups import GENERATE, WorkerGroup
from shared.worker_registry import Heartbeat, ServedModel, WorkerRegistry, WorkerState
from tests.support.builders import LIMIT, claim_job, queued_job, store_job

GROUPS = [WorkerGroup("generate", frozenset(), 1)]


class RememberingQueue(JobQueue):
    """Sends nothing; remembers the jobs, or fails."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(create_celery("redis://127.0.0.1:1/0"), redis)
        self.sent: list[str] = []
        self.queues: set[str] = set()
        self.is_broken = False

    def put(self, job: Job, queue: str = GENERATE) -> None:
        if self.is_broken:
            raise OperationalError
        self.sent.append(job.id)
        self.queues.add(queue)


@pytest.fixture
def store(fake_redis: Redis) -> JobStore:
    return JobStore(fake_redis, result_ttl=60, lease_seconds=15)


@pytest.fixture
def queue(fake_redis: Redis) -> RememberingQueue:
    return RememberingQueue(fake_redis)


@pytest.fixture
def dispatcher(store: JobStore, queue: RememberingQueue, fake_redis: Redis) -> Dispatcher:
    """With one worker, which serves two models."""
    workers = WorkerRegistry(fake_redis)
    models = (ServedModel(name="b"), ServedModel(name="a"))
    workers.announce(Heartbeat(worker="one", state=WorkerState.LOADING, models=models))
    return Dispatcher(store, queue, workers)


class TestDispatch:
    def test_sends_to_the_queue_of_the_workers(
        self, store: JobStore, queue: RememberingQueue, dispatcher: Dispatcher
    ) -> None:
        store_job(store, "a", model="a")
        dispatcher.dispatch()
        assert queue.queues == {"generate.a+b"}

    def test_sends_nothing_while_no_worker_lives(
        self, store: JobStore, queue: RememberingQueue, fake_redis: Redis
    ) -> None:
        store_job(store, "a")
        Dispatcher(store, queue, WorkerRegistry(fake_redis)).dispatch()
        assert queue.sent == []

    def test_sends_a_job_once(
        self, store: JobStore, queue: RememberingQueue, dispatcher: Dispatcher
    ) -> None:
        store_job(store, "a")
        for _ in range(3):
            dispatcher.dispatch()
        assert queue.sent == ["a"]

    def test_keeps_the_others_back_until_it_is_claimed(
        self, store: JobStore, queue: RememberingQueue, dispatcher: Dispatcher
    ) -> None:
        for job_id in "abc":
            store_job(store, job_id)
        dispatcher.dispatch()
        assert queue.sent == ["a", "b"]
        claim_job(store, "a")
        dispatcher.dispatch()
        assert queue.sent == ["a", "b", "c"]

    def test_sends_later_what_could_not_be_sent(
        self, store: JobStore, queue: RememberingQueue, dispatcher: Dispatcher
    ) -> None:
        store_job(store, "a")
        queue.is_broken = True
        dispatcher.dispatch()
        queue.is_broken = False
        dispatcher.dispatch()
        assert queue.sent == ["a"]


class TestSend:
    def test_sends_a_new_job_and_what_was_released_with_it(
        self, store: JobStore, queue: RememberingQueue, dispatcher: Dispatcher
    ) -> None:
        new = queued_job("new")
        store_job(store, "other")
        dispatcher.send({"other": "a", "new": "b"}, new)
        assert queue.sent == ["new", "other"]
        assert queue.queues == {"a", "b"}

    def test_takes_back_what_cannot_be_sent(
        self, store: JobStore, queue: RememberingQueue, dispatcher: Dispatcher
    ) -> None:
        queue.is_broken = True
        job = queued_job("new", now=store.now())
        added = store.add(job, limit=LIMIT, groups=GROUPS)
        dispatcher.send(added.released, job)
        assert store.sent() == {}
