"""A runner over any pipeline, as the worker wires it."""

from collections.abc import Callable

from redis import Redis

from shared.dispatcher import Dispatcher
from shared.event_log import EventLog
from shared.image_store import ImageStore
from shared.input_store import InputStore
from shared.job_queue import JobQueue
from shared.job_store import JobStore
from shared.jobs import Job
from shared.pace import PaceStore
from shared.redis_images import RedisImages
from shared.tracing import NoTracing, Tracing
from shared.worker_registry import WorkerRegistry
from tests.support.builders import WORKER
from tests.support.pipelines import PaintsFlat
from worker.attempt import Attempts
from worker.batches import Batches
from worker.metrics import CountedPipeline, WorkerMetrics
from worker.painting import Pipeline
from worker.runner import Runner
from worker.slip import Slip


def must_not_end() -> None:
    message = "nothing was wrong with the device"
    raise AssertionError(message)


def make_runner(
    redis: Redis,
    pipeline: Pipeline | None = None,
    *,
    metrics: WorkerMetrics | None = None,
    renew_seconds: float = 5,
    end_process: Callable[[], None] = must_not_end,
    announce: Callable[[Job], None] = lambda _: None,
    queue: JobQueue | None = None,
    tracing: Tracing | None = None,
    images: ImageStore | None = None,
    max_batch_size: int = 1,
    workers: int = 1,
    slip: Slip | None = None,
) -> Runner:
    """Give a runner; with a queue it sends the message of the next job, as a worker does."""
    metrics = metrics or WorkerMetrics()
    store = JobStore(redis, result_ttl=3600, lease_seconds=15, tell=metrics.changed)
    dispatcher = Dispatcher(store, queue, WorkerRegistry(redis)) if queue else None
    counted = CountedPipeline(pipeline or PaintsFlat(), metrics)
    attempts = Attempts(
        store=store,
        inputs=InputStore(redis, kept_seconds=3600),
        images=images or RedisImages(redis, result_ttl=3600),
        events=EventLog(redis),
        paces=PaceStore(redis),
        pipeline=counted,
        renew_seconds=renew_seconds,
        step_timeout=600,
        end_process=end_process,
        dispatch=dispatcher.dispatch if dispatcher else lambda: None,
        announce=announce,
        tracing=tracing or NoTracing(),
    )
    batches = Batches(
        store,
        counted,
        limit=max_batch_size,
        models=(),
        workers=lambda: workers,
        sleep=lambda _: None,
    )
    return Runner(store, attempts, WORKER, beside=batches.beside, slip=slip)
