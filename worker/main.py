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
from collections.abc import Callable

import billiard
from celery.signals import setup_logging, worker_process_init
from celery.utils.log import get_multiprocessing_logger
from redis.exceptions import RedisError

from shared.dispatcher import Dispatcher
from shared.errors import StorageMisconfigured
from shared.job_queue import JobQueue, create_celery
from shared.log import configure_logging, get_logger
from shared.redis_client import WORKER_TIMEOUT_SECONDS, connect
from shared.settings import Settings, load_settings
from shared.worker_groups import queue_name
from shared.worker_registry import WorkerRegistry
from worker.child import Child, Load, Publish, create_store
from worker.consuming import parent_that_consumes
from worker.device_probe import finds_cuda
from worker.losses import Losses
from worker.metrics import OnAgain, WorkerMetrics
from worker.model_shelf import Loader
from worker.model_source import (
    ModelUnavailable,
    NamedModel,
    find_models,
    wants_to_know_of_cuda,
)
from worker.shared_counts import share_counts
from worker.slip import Slip
from worker.tasks import GenerateTask

_log = get_logger(__name__)

EXIT_CONFIGURATION = 78
"""Exit status where starting again cannot help: EX_CONFIG of sysexits.h."""


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
    store = create_store(redis, settings, metrics)
    dispatcher = Dispatcher(store, JobQueue(app, redis), WorkerRegistry(redis))
    losses = Losses(store, dispatcher, name, max_attempts=settings.max_attempts)
    losses.follow()
    losses.give_back_of_earlier(redis)
    exit_status = multiprocessing.Value("i", 0)

    def give_up(status: int) -> None:
        exit_status.value = status
        os.kill(os.getppid(), signal.SIGTERM)

    child = Child(
        app.register_task(GenerateTask()),
        load,
        settings,
        name,
        models=models,
        metrics=metrics,
        wait_for_messages=parent_that_consumes(),
        slip=Slip(2 * settings.max_batch_size + 1),  # Painted, finished, and claimed in vain.
    )
    load_in_child(child.start, give_up)
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


if __name__ == "__main__":
    main()
