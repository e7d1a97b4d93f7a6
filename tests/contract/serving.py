"""The application behind a real HTTP server, and what paints for it without Celery or a model."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket
from threading import Thread

import httpx
import uvicorn
from redis import Redis

from api.main import create_app
from shared.image_store import ImageStore
from shared.job_queue import JobQueue, create_celery, message_lists
from shared.job_store import JobStore
from shared.settings import Settings
from shared.tracing import Tracing
from shared.worker_groups import GENERATE
from shared.worker_registry import Heartbeat, WorkerRegistry, WorkerState
from tests.support.builders import BUILD, WORKER
from tests.support.runners import make_runner
from tests.unit.eventually import eventually
from worker.painting import Pipeline
from worker.runner import Runner

READY = Heartbeat(worker=WORKER, state=WorkerState.READY, build=BUILD)
LOADING = Heartbeat(worker=WORKER, state=WorkerState.LOADING)
_CLOSING_TIME = json.dumps({"headers": {"id": ""}})


@contextmanager
def serving(settings: Settings, tracing: Tracing | None = None) -> Iterator[httpx.Client]:
    """Serve on a free port of loopback; give a client of that server."""
    config = uvicorn.Config(
        create_app(settings, tracing), log_config=None, ws="none", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        thread = Thread(target=server.run, args=([listener],))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            eventually(lambda: server.started, until=bool)
            with httpx.Client(base_url=url, timeout=60) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


def make_store(redis: Redis) -> JobStore:
    return JobStore(redis, result_ttl=3600, lease_seconds=15)


def announce(redis: Redis, heartbeat: Heartbeat = READY) -> None:
    WorkerRegistry(redis, ttl_seconds=600).announce(heartbeat)


@contextmanager
def working(
    redis: Redis,
    pipeline: Pipeline | None = None,
    tracing: Tracing | None = None,
    images: ImageStore | None = None,
) -> Iterator[None]:
    """Run the jobs whose messages come, in a thread, as a worker would."""
    queue = JobQueue(create_celery(_url_of(redis)), redis)
    runner = make_runner(redis, pipeline, queue=queue, tracing=tracing, images=images)
    announce(redis)
    thread = Thread(target=_work, args=(redis, runner))
    thread.start()
    try:
        yield
    finally:
        redis.rpush(GENERATE, _CLOSING_TIME)
        thread.join()


def _url_of(redis: Redis) -> str:
    server = redis.connection_pool.connection_kwargs
    password = server.get("password") or ""
    return f"redis://:{password}@{server['host']}:{server['port']}/{server.get('db', 0)}"


def _work(redis: Redis, runner: Runner) -> None:
    while job_id := _next_id(redis):
        runner.run(job_id)


def _next_id(redis: Redis) -> str:
    message = None
    while message is None:
        message = redis.brpop(list(message_lists()), timeout=1)
    job_id: str = json.loads(message[1])["headers"]["id"]
    return job_id
