"""The worker process: settings, then Celery, then a child that holds the model.

The parent never imports torch: a process forked from one that has used it can hang. It keeps
heartbeats and remote control alive while the child paints, and replaces a child that dies.
"""

import gc
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import billiard
from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery import Celery
from celery.signals import (
    setup_logging,
    task_failure,
    task_revoked,
    worker_process_init,
    worker_process_shutdown,
)
from celery.utils.log import get_multiprocessing_logger
from celery.worker.request import Request
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from shared.delivery_hint import hint_delivery
from shared.dispatcher import Dispatcher
from shared.errors import ServiceError, StorageMisconfigured
from shared.event_log import EventLog
from shared.generation import Build
from shared.input_store import InputStore
from shared.job_queue import JobQueue, create_celery
from shared.job_store import JobStore
from shared.live_workers import LiveWorkers
from shared.log import configure_logging, get_logger
from shared.lora_registry import LoraRegistry
from shared.pace import PaceStore
from shared.prompt_tokenizer import PromptTokenizer
from shared.recovery import Recovery
from shared.redis_check import warn_of_bad_settings
from shared.redis_client import WORKER_TIMEOUT_SECONDS, connect
from shared.settings import Settings, load_settings
from shared.storage import checked_images_for
from shared.tokenizer_store import TokenizerStore
from shared.tracing import connect_tracing
from shared.worker_groups import count_of, queue_name
from shared.worker_registry import ServedModel, WorkerRegistry
from worker.attempt import Attempts
from worker.batches import Batches
from worker.blocking import BlockingPipeline
from worker.consuming import parent_that_consumes
from worker.device_probe import finds_cuda
from worker.finisher import Finisher
from worker.heartbeat import HeartbeatThread
from worker.lora_watch import LoraWatch
from worker.metrics import CountedPipeline, OnAgain, ReadMemory, WorkerMetrics
from worker.metrics_server import serve_metrics
from worker.model_shelf import Loader, ModelShelf
from worker.model_source import (
    ModelUnavailable,
    NamedModel,
    find_models,
    wants_to_know_of_cuda,
)
from worker.runner import Runner
from worker.shared_counts import share_counts
from worker.slip import Slip
from worker.tasks import GenerateTask

_log = get_logger(__name__)

EXIT_CONFIGURATION = 78
"""Exit status where starting again cannot help: EX_CONFIG of sysexits.h."""

_HEARTBEAT_SECONDS = 4.0
_RENEWALS_PER_LEASE = 4
_PACE_SECONDS = 10.0
"""What other workers of the same build have learned is known after so long."""
_FAREWELL_SECONDS = 5.0


Publish = Callable[[PromptTokenizer], None]
"""Is given the tokenizer of a model that is loaded."""

Load = Callable[[Settings, OnAgain, Publish], Loader]
"""Gives what loads models; what is tried a second time while they paint is told to `OnAgain`."""


def model_loader(settings: Settings, on_again: OnAgain, publish: Publish) -> Loader:
    """Give what loads models to the device of the settings.

    Raises:
        ModelUnavailable: There is no such device.
    """
    # Both are read by the libraries when they are imported.
    if settings.offline_mode:
        os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    # The libraries leave a million objects for good: looking through them for garbage again and
    # again takes a fifth of the imports' time, and later a fifth of a second between two steps.
    gc.disable()
    from worker.loading import ModelLoader  # noqa: PLC0415  # Only the child may import torch.

    gc.freeze()
    gc.enable()
    return ModelLoader(settings, on_again, publish)


def main(load: Load = model_loader) -> None:
    """Serve jobs until SIGTERM, which lets the running one finish if it is given the time."""
    billiard.set_start_method("fork", force=True)  # On macOS too: the child needs what is set here.
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format)
    keep_logging()
    models = find_models_or_exit(settings)
    app = create_celery(settings.redis_url)
    app.conf.task_time_limit = settings.job_timeout  # Where even the watchdog's thread hangs.
    app.conf.worker_max_memory_per_child = settings.max_worker_memory_mb * 1024 or None
    name = f"{settings.worker_name}@{socket.gethostname()}"
    redis = connect(settings.redis_url, timeout_seconds=WORKER_TIMEOUT_SECONDS)
    if settings.worker_metrics_port:
        share_counts()
    metrics = WorkerMetrics()
    recover_from_losses(app, redis, settings, name, metrics=metrics)
    task = app.register_task(GenerateTask())
    exit_status = multiprocessing.Value("i", 0)

    def give_up(status: int) -> None:
        exit_status.value = status
        os.kill(os.getppid(), signal.SIGTERM)

    start = partial(
        start_runner,
        task,
        load,
        settings,
        name,
        models=models,
        metrics=metrics,
        wait_for_messages=parent_that_consumes(),
        slip=Slip(2 * settings.max_batch_size + 1),  # Painted, finished, and claimed in vain.
    )
    load_in_child(start, give_up)
    worker = app.Worker(
        pool="prefork",
        queues=[queue_name(model.name for model in models)],
        concurrency=1,  # One worker, one device, one job.
        hostname=name,
        loglevel=settings.log_level.upper(),
        quiet=True,  # No banner: the log has what it says.
    )
    worker.start()
    try:
        WorkerRegistry(redis).withdraw(name)
    except RedisError:
        _log.warning("could not sign off")
    sys.exit(exit_status.value or worker.exitcode or 0)


def find_models_or_exit(settings: Settings) -> tuple[NamedModel, ...]:
    """Say where the models are, or stop the process with the status for a wrong setting."""
    try:
        has_cuda = wants_to_know_of_cuda(settings) and finds_cuda(settings.device)
        return find_models(settings, has_cuda=has_cuda)
    except ModelUnavailable as error:
        _log.error("the model cannot be loaded", reason=str(error))
        sys.exit(EXIT_CONFIGURATION)


def keep_logging() -> None:
    """Have Celery log as configured, instead of in its own form what its pool has to say."""

    @setup_logging.connect(weak=False)
    def keep(**_: object) -> None:
        pool = get_multiprocessing_logger()
        assert pool is not None
        pool.propagate = True


def recover_from_losses(
    app: Celery, redis: Redis, settings: Settings, name: str, *, metrics: WorkerMetrics
) -> None:
    """Give back at once the jobs of earlier processes of this worker, and of a child that dies."""
    store = create_store(redis, settings, metrics)
    dispatcher = Dispatcher(store, JobQueue(app, redis), WorkerRegistry(redis))
    recovery = Recovery(store, dispatcher, max_attempts=settings.max_attempts)

    @task_failure.connect(weak=False)
    def requeue(task_id: str, exception: BaseException, **_: object) -> None:
        if isinstance(exception, WorkerLostError | TimeLimitExceeded):
            give_back(recovery, name, task_id)

    @task_revoked.connect(weak=False)
    def cancel(request: Request, *, terminated: bool, **_: object) -> None:
        # By Flower or the command line, which know nothing of the record.
        with suppress(RedisError, ServiceError):
            store.update(request.id, lambda job, now: job.cancel(now))
        if terminated:
            give_back(recovery, name, request.id)  # Which ends it: there is no child left to stop.

    try:
        warn_of_bad_settings(redis)
        for job_id in store.held_ids():
            give_back(recovery, name, job_id)
    except RedisError as error:
        _log.warning("redis does not answer yet", reason=type(error).__name__)


def give_back(recovery: Recovery, name: str, job_id: str) -> None:
    """Give a job back to the queue that this worker will not finish; else the reaper will."""
    try:
        recovery.requeue_of(name, job_id)
    except (RedisError, OperationalError) as error:
        _log.warning("not given back yet", job_id=job_id, reason=type(error).__name__)


def load_in_child(start: Callable[[], None], give_up: Callable[[int], None]) -> None:
    """Have each child start with its model, or give up with the exit status for the parent."""

    @worker_process_init.connect(weak=False)
    def start_or_give_up(**_: object) -> None:
        try:
            start()
        except ModelUnavailable as error:
            _log.error("the model cannot be loaded", reason=str(error))
            give_up(EXIT_CONFIGURATION)
        except StorageMisconfigured as error:
            _log.error("pictures cannot be kept where STORAGE_URL says", reason=str(error))
            give_up(EXIT_CONFIGURATION)
        except Exception:  # noqa: BLE001  # Celery would go on without a runner.
            _log.exception("the worker cannot start")
            give_up(1)


def start_runner(
    task: GenerateTask,
    load: Load,
    settings: Settings,
    name: str,
    *,
    models: Sequence[NamedModel],
    metrics: WorkerMetrics,
    wait_for_messages: Callable[[], None],
    slip: Slip,
) -> None:
    """Load the default model in this process and let the task run jobs with it and the others.

    Give back first what the process before this one has died over.

    Raises:
        ModelUnavailable: It cannot be loaded.
        StorageMisconfigured: No picture can be kept where the settings say.
    """
    redis = connect(settings.redis_url, timeout_seconds=WORKER_TIMEOUT_SECONDS)
    store, queue = create_store(redis, settings, metrics), JobQueue(task.app, redis)
    workers = LiveWorkers(redis, WorkerRegistry(redis))
    dispatcher = Dispatcher(store, queue, workers)
    recovery = Recovery(store, dispatcher, max_attempts=settings.max_attempts)
    for unfinished in slip.left():
        give_back(recovery, name, unfinished)
    images = checked_images_for(settings, redis)  # Here, since its threads survive no fork.
    served = [ServedModel(name=model.name) for model in models]
    heartbeat = HeartbeatThread(
        WorkerRegistry(redis),
        TokenizerStore(redis),
        name,
        models=served,
        interval_seconds=_HEARTBEAT_SECONDS,
    )
    heartbeat.start()
    if settings.lora_dir:
        registry = LoraRegistry(redis)
        watch = LoraWatch(settings.lora_dir, registry, name, interval_seconds=_HEARTBEAT_SECONDS)
        watch.start()
    serve_metrics(metrics.exposed(), settings.worker_metrics_host, settings.worker_metrics_port)

    def tell(models: Sequence[ServedModel]) -> None:
        metrics.model.serves(models)
        heartbeat.serves(models)

    loader = load(settings, metrics.tried_again, heartbeat.keep)
    limit = settings.max_warm_models
    shelf = ModelShelf(models, loader, limit=limit, on_change=tell, on_loaded=metrics.model.loaded)
    build = shelf.warm_up()
    metrics.model.reads_memory_with(memory_reader(build))
    counted = CountedPipeline(shelf, metrics)
    pipeline = BlockingPipeline(counted) if settings.safety_checker == "block" else counted
    tracing, finisher = connect_tracing(settings, "worker"), Finisher()

    @worker_process_shutdown.connect(weak=False)
    def finish_and_send_the_last_spans(**_: object) -> None:
        finisher.wait()
        tracing.stop()

    def end_process() -> None:
        finisher.wait(_FAREWELL_SECONDS)  # The device is broken, and not the picture before.
        tracing.stop()
        os.kill(os.getpid(), signal.SIGKILL)

    attempts = Attempts(
        store=store,
        inputs=InputStore(redis, kept_seconds=settings.lifetime_seconds),
        images=images,
        events=EventLog(redis),
        paces=PaceStore(redis, fresh_seconds=_PACE_SECONDS),
        pipeline=pipeline,
        renew_seconds=settings.lease_seconds / _RENEWALS_PER_LEASE,
        step_timeout=settings.step_timeout,
        end_process=end_process,
        dispatch=dispatcher.dispatch,
        announce=partial(hint_delivery, queue),
        tracing=tracing,
    )
    names = frozenset(model.name for model in models)
    batches = Batches(
        store,
        pipeline,
        limit=settings.max_batch_size,
        models=names,
        workers=lambda: count_of(queue_name(names), workers.alive()),
    )
    task.behind = finisher
    task.runner = Runner(store, attempts, name, beside=batches.beside, slip=slip)
    wait_for_messages()
    heartbeat.ready(build)


def memory_reader(build: Build) -> ReadMemory:
    """Give what reads the memory of the device that the model is on."""
    if build.device != "cuda":
        return dict
    from worker.device_memory import cuda_memory  # noqa: PLC0415  # Only the child imports torch.

    return cuda_memory


def create_store(redis: Redis, settings: Settings, metrics: WorkerMetrics) -> JobStore:
    """Give the store of jobs that the settings describe, whose changes are counted."""
    return JobStore(
        redis,
        result_ttl=settings.result_ttl,
        lease_seconds=settings.lease_seconds,
        tell=metrics.changed,
    )


if __name__ == "__main__":
    main()
