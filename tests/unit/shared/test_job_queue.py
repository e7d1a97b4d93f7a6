import base64
import json
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest
from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis

from scripts.ports import free_port
from shared.job_parts import JobState
from shared.job_queue import JobQueue, create_celery, message_lists
from shared.worker_groups import GENERATE
from tests.support.builders import LATER, job_in, queued_job

PROMPT = "a garden behind a high wall, where nobody has been for years"


@pytest.fixture
def celery(redis_url: str) -> Iterator[Celery]:
    with create_celery(redis_url) as celery:
        yield celery


@pytest.fixture
def queue(celery: Celery, redis: Redis) -> JobQueue:
    return JobQueue(celery, redis)


def only_message(redis: Redis) -> dict[str, Any]:
    (raw,) = (raw for key in message_lists() for raw in redis.lrange(key, 0, -1))
    message: dict[str, Any] = json.loads(raw)
    return message


class TestPut:
    def test_sends_the_id_and_nothing_else_of_the_job(self, queue: JobQueue, redis: Redis) -> None:
        queue.put(queued_job("a", prompt=PROMPT))
        message = only_message(redis)
        body = base64.b64decode(message["body"])
        positional, named, _ = json.loads(body)
        assert (positional, named) == (["a"], {})
        assert PROMPT not in f"{message}{body.decode()}"

    def test_tells_people_who_look_at_the_queue_what_was_asked(
        self, queue: JobQueue, redis: Redis
    ) -> None:
        queue.put(queued_job("a", prompt=PROMPT, seed=7, width=320))
        headers = only_message(redis)["headers"]
        assert headers["argsrepr"] == "'a garden behind a high wall, where nobo…'"
        assert headers["kwargsrepr"] == "320x256 5 steps seed 7 dpmsolver++"

    def test_names_the_task_and_gives_it_the_jobs_id(self, queue: JobQueue, redis: Redis) -> None:
        queue.put(queued_job("a"))
        headers = only_message(redis)["headers"]
        assert (headers["task"], headers["id"]) == ("generate", "a")

    def test_asks_redis_for_a_message_and_word_of_it(self, queue: JobQueue, redis: Redis) -> None:
        queue.put(queued_job("first"))
        before = redis.info("stats")["total_commands_processed"]
        queue.put(queued_job("second"))
        # Of the two looks at the count one is a command more.
        assert redis.info("stats")["total_commands_processed"] - before == 3

    def test_carries_json(self, queue: JobQueue, redis: Redis) -> None:
        queue.put(queued_job("a"))
        assert only_message(redis)["content-type"] == "application/json"


class TestPutWithoutRedis:
    def test_fails_instead_of_trying_for_long(self, fake_redis: Redis) -> None:
        with create_celery(f"redis://127.0.0.1:{free_port()}/0") as celery:
            started = monotonic()
            with pytest.raises(OperationalError):
                JobQueue(celery, fake_redis).put(queued_job("a"))
            assert monotonic() - started < 4


class TestPriority:
    def test_of_a_job_that_was_lost_is_before_that_of_a_new_one(
        self, queue: JobQueue, celery: Celery
    ) -> None:
        queue.put(queued_job("new"))
        queue.put(job_in(JobState.RUNNING, "lost").lose_worker(3, LATER))
        with celery.connection_for_read() as connection:
            first = connection.SimpleQueue(GENERATE).get(timeout=5)
            assert first.headers["id"] == "lost"
            first.ack()


class TestPutDelivery:
    def test_sends_the_id_to_a_queue_of_its_own(self, queue: JobQueue, redis: Redis) -> None:
        queue.put_delivery("a")
        (raw,) = redis.lrange("webhooks", 0, -1)
        message = json.loads(raw)
        positional, named, _ = json.loads(base64.b64decode(message["body"]))
        assert (message["headers"]["task"], positional, named) == ("deliver", ["a"], {})
        assert queue.waiting_ids() == set()

    def test_is_counted(self, queue: JobQueue) -> None:
        assert queue.count_deliveries() == 0
        for job_id in ("a", "b", "a"):
            queue.put_delivery(job_id)
        assert queue.count_deliveries() == 3

    def test_fails_without_redis_instead_of_trying_for_long(self, fake_redis: Redis) -> None:
        with create_celery(f"redis://127.0.0.1:{free_port()}/0") as celery:
            started = monotonic()
            with pytest.raises(OperationalError):
                JobQueue(celery, fake_redis).put_delivery("a")
            assert monotonic() - started < 4


class TestWaitingIds:
    def test_are_none_before_the_first_message(self, queue: JobQueue) -> None:
        assert queue.waiting_ids() == set()

    def test_are_those_whose_message_waits(self, queue: JobQueue) -> None:
        for job_id in ("a", "b", "a"):
            queue.put(queued_job(job_id))
        assert queue.waiting_ids() == {"a", "b"}

    def test_are_not_those_that_a_worker_has_taken(self, queue: JobQueue, celery: Celery) -> None:
        queue.put(queued_job("a"))
        with celery.connection_for_read() as connection:
            message = connection.SimpleQueue(GENERATE).get(timeout=5)
            assert queue.waiting_ids() == set()
            message.ack()


class TestTaking:
    def test_leaves_nothing_in_redis(self, queue: JobQueue, celery: Celery, redis: Redis) -> None:
        queue.put(queued_job("a"))
        with celery.connection_for_read() as connection:
            connection.SimpleQueue(GENERATE).get(timeout=5)
            assert redis.keys("unacked*") == []

    def test_gives_the_message_back_that_was_not_accepted_at_a_stop(
        self, queue: JobQueue, celery: Celery
    ) -> None:
        queue.put(queued_job("a"))
        with celery.connection_for_read() as connection:
            connection.SimpleQueue(GENERATE).get(timeout=5)
        assert queue.waiting_ids() == {"a"}


class TestCelery:
    def test_refuses_anything_but_json(self, celery: Celery) -> None:
        assert celery.conf.accept_content == ["json"]

    def test_keeps_no_results(self, queue: JobQueue, redis: Redis) -> None:
        queue.put(queued_job("a"))
        assert redis.keys("celery-task-meta-*") == []
