"""What a worker lives through without dying, and what becomes of its jobs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from celery import Celery

from shared.job_queue import JobQueue, create_celery, message_lists
from shared.worker_groups import GENERATE, queue_name
from shared.worker_registry import Heartbeat, WorkerRegistry, WorkerState
from tests.chaos.bench import ONE_THREAD, REQUESTS, GoodClient, outcomes, slow
from tests.support.poisoned_worker import STUCK
from tests.support.stack import Stack, eventually

QUEUE = queue_name(["demo"])

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Redis and the API; each class starts the worker that it needs."""
    folder = tmp_path_factory.mktemp("life")
    settings = {"LEASE_SECONDS": "4", **ONE_THREAD}
    with Stack(folder, settings, worker="tests.support.poisoned_worker") as stack:
        stack.start("redis", "api")
        yield stack


@pytest.fixture(scope="class")
def worker(stack: Stack) -> Iterator[None]:
    with working(stack):
        yield


@pytest.fixture
def celery(stack: Stack) -> Iterator[Celery]:
    with create_celery(stack.redis_url) as app:
        yield app


@contextmanager
def working(stack: Stack, **settings: str) -> Iterator[None]:
    before = dict(stack.settings)
    stack.settings.update(settings)
    stack.start("worker")
    try:
        stack.wait_until_ready()
        yield
    finally:
        stack.stop("worker")
        stack.settings = before


def log_lines(stack: Stack, *words: str) -> int:
    lines = stack.log("worker").read_text().splitlines()
    return sum(all(word in line for word in words) for line in lines)


@contextmanager
def nothing_can_be_kept(folder: Path) -> Iterator[None]:
    aside = folder.rename(folder.with_name("aside"))
    folder.touch()
    try:
        yield
    finally:
        folder.unlink()
        aside.rename(folder)


class TestStop:
    def test_lets_the_running_job_finish_and_exits_in_peace(
        self, stack: Stack, client: GoodClient
    ) -> None:
        with working(stack):
            running = client.submit(slow(steps=8), "running at the stop")
            waiting = client.submit(REQUESTS[0], "waiting at the stop")
            client.running(running)
            child = stack.worker_child()
            stack.stop("worker")
        assert stack.processes["worker"].returncode == 0
        assert not child.is_running()
        assert outcomes(client.job(running)) == ["succeeded"]
        assert client.job(waiting)["state"] == "queued"
        with working(stack):
            assert outcomes(client.ended(waiting)) == ["succeeded"]


class TestStuckStep:
    def test_is_killed_and_its_job_painted_by_the_next_process(
        self, stack: Stack, client: GoodClient, tmp_path: Path
    ) -> None:
        mark = tmp_path / "stuck"
        with working(stack, STEP_TIMEOUT="5", STUCK_ONCE=str(mark)):
            job_id = client.submit({**REQUESTS[0], "prompt": STUCK}, "stuck")
            job = client.ended(job_id)
        assert (job["state"], outcomes(job)) == ("succeeded", ["queued", "succeeded"])
        assert log_lines(stack, "stuck", job_id)


class TestFinishing:
    def test_that_a_process_dies_over_is_given_back_by_the_next_one(self, tmp_path: Path) -> None:
        pictures = tmp_path / "pictures"
        # So long a lease that nobody else can have given it back.
        settings = {"LEASE_SECONDS": "600", "STORAGE_URL": f"file://{pictures}", **ONE_THREAD}
        with Stack(tmp_path, settings) as stack, GoodClient(stack.url) as client:
            stack.start("redis", "worker", "api")
            stack.wait_until_ready()
            child = stack.worker_child()
            with nothing_can_be_kept(pictures):
                job_id = client.submit(REQUESTS[0], "painted and not kept")
                eventually(lambda: log_lines(stack, "did not answer", job_id), until=bool)
                assert client.job(job_id)["state"] == "running"
                child.suspend()  # Or it would go on in the moment between the two.
            child.kill()
            assert outcomes(client.ended(job_id)) == ["queued", "succeeded"]


class TestDeadline:
    def test_ends_a_job_that_no_worker_takes(self, tmp_path: Path) -> None:
        with Stack(tmp_path, {"JOB_TIMEOUT": "1"}) as stack, GoodClient(stack.url) as client:
            stack.start("redis", "api")
            stack.wait_for_redis()
            claims_to_live = Heartbeat(worker="absent", state=WorkerState.LOADING)
            WorkerRegistry(stack.redis, ttl_seconds=600).announce(claims_to_live)
            job = client.ended(client.submit(REQUESTS[0], "too late"))
            assert job["state"] == "failed"
            assert job["error"] == {
                "type": "deadline_exceeded",
                "detail": "The job has not ended within 1 seconds.",
            }
            assert (job["attempts"], stack.store.queued_ids()) == ([], [])


class TestMemoryLimit:
    def test_replaces_the_process_between_two_jobs(self, stack: Stack, client: GoodClient) -> None:
        with working(stack, MAX_WORKER_MEMORY_MB="1"):
            first = stack.worker_child()
            assert outcomes(client.ended(client.submit(REQUESTS[0], "fat"))) == ["succeeded"]
            eventually(first.is_running, until=lambda lives: not lives)
            assert outcomes(client.ended(client.submit(REQUESTS[0], "fatter"))) == ["succeeded"]


@pytest.mark.usefixtures("worker")
class TestMessages:
    def test_a_lost_one_is_sent_again(self, stack: Stack, client: GoodClient) -> None:
        ahead = client.submit(slow(), "ahead of the lost one")
        client.running(ahead)
        job_id = client.submit(REQUESTS[0], "lost message")
        assert stack.redis.delete(*message_lists(QUEUE)) == 1
        client.cancel(ahead)
        assert outcomes(client.ended(job_id)) == ["succeeded"]

    def test_a_second_one_runs_nothing_twice(
        self, stack: Stack, client: GoodClient, celery: Celery
    ) -> None:
        ahead = client.submit(slow(), "ahead of the two")
        client.running(ahead)
        job_id = client.submit(REQUESTS[0], "two messages")
        queue = JobQueue(celery, stack.redis)
        for _ in range(2):
            queue.put(stack.store.get(job_id), QUEUE)
        client.cancel(ahead)
        assert outcomes(client.ended(job_id)) == ["succeeded"]
        late = stack.store.get(job_id)
        queue.put(late, QUEUE)
        eventually(
            lambda: log_lines(stack, "nothing to claim", job_id), until=lambda count: count == 3
        )
        assert log_lines(stack, "job started", job_id) == 1
        assert stack.store.get(job_id) == late

    def test_one_for_a_job_that_never_was_is_passed_over(
        self, client: GoodClient, celery: Celery
    ) -> None:
        celery.send_task(
            GENERATE, args=["nobody"], task_id="nobody", queue=QUEUE, ignore_result=True
        )
        assert outcomes(client.ended(client.submit(REQUESTS[0], "after nobody"))) == ["succeeded"]

    def test_a_ping_is_answered_while_a_job_runs(self, client: GoodClient, celery: Celery) -> None:
        job_id = client.submit(slow(), "pinged")
        client.running(job_id)
        answers = celery.control.inspect(timeout=10, limit=1).ping()
        assert answers is not None
        assert list(answers.values()) == [{"ok": "pong"}]
        assert client.job(job_id)["state"] == "running"
        client.cancel(job_id)
        client.ended(job_id)

    def test_a_revoked_job_that_waits_is_canceled(self, client: GoodClient, celery: Celery) -> None:
        ahead = client.submit(slow(), "ahead of the revoked")
        client.running(ahead)
        job_id = client.submit(REQUESTS[0], "revoked")
        celery.control.revoke(job_id, reply=True, timeout=10, limit=1)
        client.cancel(ahead)
        job = client.ended(job_id)
        assert (job["state"], job["attempts"]) == ("canceled", [])

    def test_a_job_that_is_revoked_and_terminated_is_canceled_and_the_next_one_painted(
        self, client: GoodClient, celery: Celery
    ) -> None:
        job_id = client.submit(slow(), "terminated")
        client.running(job_id)
        celery.control.revoke(job_id, terminate=True, signal="SIGKILL")
        assert client.ended(job_id)["state"] == "canceled"
        after = client.submit(REQUESTS[0], "after the terminated")
        assert outcomes(client.ended(after)) == ["succeeded"]
