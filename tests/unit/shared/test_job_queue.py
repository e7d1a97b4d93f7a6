import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from redis import Redis

from shared.job_queue import GENERATE, JobQueue, create_celery
from tests.support.builders import queued_job

PROMPT = "a secret garden"


@pytest.fixture
def celery(redis_url: str) -> Iterator[Celery]:
    with create_celery(redis_url) as celery:
        yield celery


@pytest.fixture
def queue(celery: Celery, redis: Redis) -> JobQueue:
    return JobQueue(celery, redis)


def only_message(redis: Redis) -> dict[str, Any]:
    (raw,) = redis.lrange(GENERATE, 0, -1)
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

    def test_names_the_task_and_gives_it_the_jobs_id(self, queue: JobQueue, redis: Redis) -> None:
        queue.put(queued_job("a"))
        headers = only_message(redis)["headers"]
        assert (headers["task"], headers["id"]) == ("generate", "a")

    def test_carries_json(self, queue: JobQueue, redis: Redis) -> None:
        queue.put(queued_job("a"))
        assert only_message(redis)["content-type"] == "application/json"


class TestWaitingIds:
    def test_are_none_before_the_first_message(self, queue: JobQueue) -> None:
        assert queue.waiting_ids() == set()

    def test_are_those_whose_message_waits(self, queue: JobQueue) -> None:
        for job_id in ("a", "b", "a"):
            queue.put(queued_job(job_id))
        assert queue.waiting_ids() == {"a", "b"}

    def test_are_those_on_their_way_to_a_worker_too(self, queue: JobQueue, celery: Celery) -> None:
        queue.put(queued_job("a"))
        with celery.connection_for_read() as connection:
            message = connection.SimpleQueue(GENERATE).get(timeout=5)
            assert queue.waiting_ids() == {"a"}
            message.ack()
            assert queue.waiting_ids() == set()


class TestCelery:
    def test_refuses_anything_but_json(self, celery: Celery) -> None:
        assert celery.conf.accept_content == ["json"]

    def test_keeps_no_results(self, queue: JobQueue, redis: Redis) -> None:
        queue.put(queued_job("a"))
        assert redis.keys("celery-task-meta-*") == []
