import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis
from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool
from structlog.testing import capture_logs

from api.reaper import Reaper
from shared.dispatcher import Dispatcher
from shared.job_listing import JobListing
from shared.job_parts import FailureType, JobState
from shared.job_queue import JobQueue, create_celery, message_lists
from shared.job_store import JobStore
from shared.keys import EXPIRIES, listed_key
from shared.worker_groups import groups_of
from shared.worker_registry import Heartbeat, WorkerRegistry, WorkerState
from tests.support.builders import FAILURE, OTHER_TOKEN, TOKEN, bring_to, claim_job, store_job
from tests.unit.eventually import eventually

MAX_ATTEMPTS = 3


@pytest.fixture
def store(redis: Redis) -> JobStore:
    return JobStore(redis, result_ttl=60, lease_seconds=15)


@pytest.fixture
def lapsed(redis: Redis) -> JobStore:
    """A store whose leases have run out as soon as they begin."""
    return JobStore(redis, result_ttl=60, lease_seconds=-1)


@pytest.fixture
def queue(redis: Redis, redis_url: str) -> Iterator[JobQueue]:
    with create_celery(redis_url) as celery:
        yield JobQueue(celery, redis)


@pytest.fixture
def reaper(redis: Redis, store: JobStore, queue: JobQueue) -> Reaper:
    return reaper_of(redis, store, queue)


def reaper_of(
    redis: Redis, store: JobStore, queue: JobQueue, *, job_timeout: float = 3600
) -> Reaper:
    workers = WorkerRegistry(redis)
    workers.announce(Heartbeat(worker="one", state=WorkerState.LOADING))
    return Reaper(
        store,
        queue,
        JobListing(redis, store),
        workers,
        max_attempts=MAX_ATTEMPTS,
        job_timeout=job_timeout,
        lease_seconds=0,
        sweep_seconds=0.01,
    )


class OvertakenStore(JobStore):
    """Lets something happen between a reaper's look and its deed."""

    happening: Callable[[], object] | None = None

    def lost_ids(self) -> list[str]:
        lost = super().lost_ids()
        if self.happening is not None:
            self.happening()
        return lost


class TestLostLease:
    def test_brings_the_job_back_to_the_queue_with_a_message(
        self, reaper: Reaper, store: JobStore, lapsed: JobStore, queue: JobQueue
    ) -> None:
        bring_to(lapsed, JobState.RUNNING, "a")
        reaper.sweep()
        job = store.get("a")
        assert (job.state, job.attempt, job.token) == (JobState.QUEUED, 1, None)
        assert queue.waiting_ids() == {"a"}

    def test_is_said_with_the_ids_under_which_people_look_for_it(
        self, reaper: Reaper, lapsed: JobStore
    ) -> None:
        bring_to(lapsed, JobState.RUNNING, "a")
        lapsed.update("a", lambda job, _: job.model_copy(update={"request_id": "case-7"}))
        with capture_logs() as lines:
            reaper.sweep()
        assert [(line["event"], line["job_id"], line["request_id"]) for line in lines] == [
            ("worker lost", "a", "case-7")
        ]

    def test_fails_the_job_at_its_last_attempt(
        self, reaper: Reaper, store: JobStore, lapsed: JobStore
    ) -> None:
        store_job(lapsed, "a")
        for attempt in range(MAX_ATTEMPTS):
            claim_job(lapsed, "a", f"attempt-{attempt}")
            reaper.sweep()
        job = store.get("a")
        assert job.state is JobState.FAILED
        assert job.error is not None
        assert job.error.type is FailureType.WORKER_LOST

    def test_ends_a_job_that_was_to_be_canceled(
        self, reaper: Reaper, store: JobStore, lapsed: JobStore, queue: JobQueue
    ) -> None:
        bring_to(lapsed, JobState.CANCELING, "a")
        reaper.sweep()
        assert store.get("a").state is JobState.CANCELED
        assert queue.waiting_ids() == set()

    def test_leaves_a_job_alone_whose_lease_still_runs(
        self, reaper: Reaper, store: JobStore, queue: JobQueue
    ) -> None:
        job = bring_to(store, JobState.RUNNING, "a")
        reaper.sweep()
        assert store.get("a") == job
        assert queue.waiting_ids() == set()

    def test_costs_one_attempt_however_many_reapers_see_it(
        self, redis: Redis, store: JobStore, lapsed: JobStore, queue: JobQueue
    ) -> None:
        bring_to(lapsed, JobState.RUNNING, "a")
        reapers = [reaper_of(redis, store, queue) for _ in range(6)]
        with ThreadPoolExecutor(6) as threads:
            list(threads.map(Reaper.sweep, reapers))
        assert (store.get("a").state, store.get("a").attempt) == (JobState.QUEUED, 1)
        assert queue.waiting_ids() == {"a"}  # Once or more: a second message finds no job.

    def test_that_another_reaper_has_seen_first_does_not_cost_the_next_attempt(
        self, redis: Redis, lapsed: JobStore, queue: JobQueue
    ) -> None:
        bring_to(lapsed, JobState.RUNNING, "a")
        overtaken = OvertakenStore(redis, result_ttl=60, lease_seconds=15)

        def requeue_and_claim() -> None:
            overtaken.update("a", lambda job, now: job.lose_worker(MAX_ATTEMPTS, now))
            claim_job(overtaken, "a", OTHER_TOKEN)

        overtaken.happening = requeue_and_claim
        reaper_of(redis, overtaken, queue).sweep()
        job = overtaken.get("a")
        assert (job.state, job.attempt, job.token) == (JobState.RUNNING, 2, OTHER_TOKEN)

    def test_of_a_job_that_ends_meanwhile_does_not_keep_others_from_coming_back(
        self, redis: Redis, lapsed: JobStore, queue: JobQueue
    ) -> None:
        for job_id in ("a", "b"):
            bring_to(lapsed, JobState.RUNNING, job_id)
        overtaken = OvertakenStore(redis, result_ttl=60, lease_seconds=15)
        overtaken.happening = lambda: overtaken.update(
            "a", lambda job, now: job.fail(TOKEN, FAILURE, now)
        )
        reaper_of(redis, overtaken, queue).sweep()
        states = [overtaken.get(job_id).state for job_id in ("a", "b")]
        assert states == [JobState.FAILED, JobState.QUEUED]


class TestLostMessage:
    def test_is_sent_again_once_it_was_missed_twice(
        self, reaper: Reaper, store: JobStore, queue: JobQueue, redis: Redis
    ) -> None:
        store_job(store, "a")
        store.release(groups_of(WorkerRegistry(redis).alive()))
        reaper.sweep()
        assert queue.waiting_ids() == set()
        reaper.sweep()
        assert queue.waiting_ids() == {"a"}

    def test_is_sent_at_once_where_it_never_was(
        self, reaper: Reaper, store: JobStore, queue: JobQueue
    ) -> None:
        store_job(store, "a")
        reaper.sweep()
        assert queue.waiting_ids() == {"a"}

    def test_is_not_sent_again_while_it_waits(
        self, reaper: Reaper, store: JobStore, queue: JobQueue, redis: Redis
    ) -> None:
        store_job(store, "a")
        Dispatcher(store, queue, WorkerRegistry(redis)).dispatch()
        for _ in range(3):
            reaper.sweep()
        assert sum(redis.llen(key) for key in message_lists()) == 1

    def test_is_not_sent_again_for_a_job_that_was_claimed_meanwhile(
        self, reaper: Reaper, store: JobStore, queue: JobQueue, redis: Redis
    ) -> None:
        store_job(store, "a")
        store.release(groups_of(WorkerRegistry(redis).alive()))
        reaper.sweep()
        claim_job(store, "a")
        reaper.sweep()
        assert queue.waiting_ids() == set()

    def test_is_forgotten_once_it_was_found(
        self, reaper: Reaper, store: JobStore, queue: JobQueue, redis: Redis
    ) -> None:
        job = store_job(store, "a")
        store.release(groups_of(WorkerRegistry(redis).alive()))
        reaper.sweep()
        queue.put(job)
        reaper.sweep()
        redis.delete(*message_lists())
        reaper.sweep()
        assert queue.waiting_ids() == set()


class TestDeadline:
    @pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
    def test_fails_a_job_that_is_older(
        self, redis: Redis, store: JobStore, queue: JobQueue, state: JobState
    ) -> None:
        bring_to(store, state, "a")
        reaper_of(redis, store, queue, job_timeout=0).sweep()
        job = store.get("a")
        assert job.error is not None
        assert (job.state, job.error.type) == (JobState.FAILED, FailureType.DEADLINE_EXCEEDED)

    def test_leaves_younger_jobs_alone(self, reaper: Reaper, store: JobStore) -> None:
        job = store_job(store, "a")
        reaper.sweep()
        assert store.get("a") == job


URL = "https://receiver.example/hook"


class TestDueDelivery:
    def test_is_sent_once(
        self, store: JobStore, queue: JobQueue, reaper: Reaper, redis: Redis
    ) -> None:
        bring_to(store, JobState.FAILED, "a", webhook_url=URL)
        for each in (reaper, reaper, reaper_of(redis, store, queue)):
            each.sweep()
        assert redis.llen("webhooks") == 1

    def test_of_a_job_that_the_reaper_ended_is_sent(
        self, store: JobStore, queue: JobQueue, redis: Redis
    ) -> None:
        bring_to(store, JobState.QUEUED, "a", webhook_url=URL)
        reaper_of(redis, store, queue, job_timeout=0).sweep()
        assert redis.llen("webhooks") == 1

    def test_is_not_sent_where_many_wait_already(
        self, store: JobStore, reaper: Reaper, redis: Redis
    ) -> None:
        redis.rpush("webhooks", *["{}"] * 99)
        for job_id in ("a", "b"):
            bring_to(store, JobState.FAILED, job_id, webhook_url=URL)
        reaper.sweep()
        reaper.sweep()
        assert redis.llen("webhooks") == 100
        redis.delete("webhooks")
        reaper.sweep()
        assert redis.llen("webhooks") == 1

    def test_is_none_where_there_is_no_webhook(
        self, store: JobStore, reaper: Reaper, redis: Redis
    ) -> None:
        bring_to(store, JobState.FAILED, "a")
        reaper.sweep()
        assert redis.llen("webhooks") == 0


class TestVanishedRecord:
    @pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
    def test_frees_the_place_that_it_held(
        self, redis: Redis, store: JobStore, queue: JobQueue, state: JobState
    ) -> None:
        bring_to(store, state, "a")
        redis.delete("semantic-bit:job:a")
        reaper_of(redis, store, queue, job_timeout=0).sweep()
        assert set(store.count().values()) == {0}


class TestExpiredRecord:
    def test_leaves_the_listings(self, reaper: Reaper, store: JobStore, redis: Redis) -> None:
        for job_id in ("a", "b"):
            job = bring_to(store, JobState.SUCCEEDED, job_id)
        oldest, _ = redis.zrange(EXPIRIES, 0, -1)
        assert isinstance(oldest, bytes)
        redis.zadd(EXPIRIES, {oldest: 0})
        reaper.sweep()
        assert redis.zcard(EXPIRIES) == redis.zcard(listed_key(job.owner, None)) == 1


class FailsItsFirstSweep(JobStore):
    """Does not reach Redis the first time, or meets there what it cannot read."""

    error: Exception | None = None

    def lost_ids(self) -> list[str]:
        error, self.error = self.error, None
        if error is not None:
            raise error
        return super().lost_ids()


class TestRun:
    @pytest.mark.anyio
    @pytest.mark.parametrize("error", [RedisError(), ValueError("not JSON")])
    async def test_outlives_a_sweep_that_failed(
        self, redis: Redis, queue: JobQueue, lapsed: JobStore, error: Exception
    ) -> None:
        bring_to(lapsed, JobState.RUNNING, "a")
        store = FailsItsFirstSweep(redis, result_ttl=60, lease_seconds=15)
        store.error = error
        task = asyncio.create_task(reaper_of(redis, store, queue).run())
        try:
            await run_in_threadpool(
                eventually,
                lambda: (store.get("a").state, task.done()),
                until=lambda seen: seen != (JobState.RUNNING, False),
            )
            assert (store.get("a").state, task.done()) == (JobState.QUEUED, False)
        finally:
            task.cancel()
            await asyncio.wait({task})
