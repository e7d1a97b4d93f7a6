"""The worker process: settings, then Celery, then a child that holds the model.

The parent never imports torch: a process forked from one that has used it can hang.
"""

import multiprocessing
import os
import signal
import socket
import sys

from celery import Celery
from celery.signals import worker_process_init

from shared.image_store import ImageStore
from shared.job_queue import create_celery
from shared.job_store import JobStore
from shared.log import configure_logging, get_logger
from shared.redis_client import connect
from shared.settings import Settings, load_settings
from shared.throughput import Throughput
from shared.worker_registry import WorkerRegistry
from worker.heartbeat import HeartbeatThread
from worker.model_source import ModelUnavailable
from worker.runner import Pipeline, Runner
from worker.tasks import GenerateTask

_log = get_logger(__name__)

EXIT_CONFIGURATION = 78
"""Exit status where starting again cannot help: EX_CONFIG of sysexits.h."""

_HEARTBEAT_SECONDS = 4.0
_RENEWALS_PER_LEASE = 4


def main() -> None:
    """Serve jobs until SIGTERM, which lets the running one finish."""
    settings = load_settings()
    configure_logging(settings.log_level)
    app = create_celery(settings.redis_url)
    task = app.register_task(GenerateTask())
    failed_to_load = multiprocessing.Event()

    @worker_process_init.connect(weak=False)
    def load(**_: object) -> None:
        try:
            task.runner = start_runner(settings)
        except ModelUnavailable as error:
            _log.error("the model cannot be loaded", reason=str(error))
            failed_to_load.set()
            os.kill(os.getppid(), signal.SIGTERM)

    serve(app, settings.worker_name)
    sys.exit(EXIT_CONFIGURATION if failed_to_load.is_set() else 0)


def serve(app: Celery, name: str) -> None:
    """Take messages, one at a time, until the process is told to stop."""
    worker = app.Worker(
        pool="prefork",
        concurrency=1,  # One worker, one device, one job.
        hostname=f"{name}@{socket.gethostname()}",
        loglevel="INFO",
        quiet=True,  # No banner: the log has what it says.
    )
    worker.start()


def start_runner(settings: Settings) -> Runner:
    """Load the model in this process and give what runs jobs with it.

    Raises:
        ModelUnavailable: There is no model to load.
    """
    worker = f"{settings.worker_name}@{socket.gethostname()}"
    redis = connect(settings.redis_url)
    heartbeat = HeartbeatThread(WorkerRegistry(redis), worker, interval_seconds=_HEARTBEAT_SECONDS)
    heartbeat.start()
    pipeline = _load(settings)
    heartbeat.ready(pipeline.build)
    return Runner(
        store=JobStore(redis, result_ttl=settings.result_ttl, lease_seconds=settings.lease_seconds),
        images=ImageStore(redis, result_ttl=settings.result_ttl),
        throughput=Throughput(redis),
        pipeline=pipeline,
        worker=worker,
        renew_seconds=settings.lease_seconds / _RENEWALS_PER_LEASE,
    )


def _load(settings: Settings) -> Pipeline:
    if settings.offline_mode:
        os.environ["HF_HUB_OFFLINE"] = "1"  # Read by the hub's library when it is imported.
    from worker.loading import load_pipeline  # noqa: PLC0415  # Only the child may import torch.

    return load_pipeline(settings)


if __name__ == "__main__":
    main()
