"""The delivery worker: settings, then Celery with a few threads that wait for receivers."""

import os
import socket
import sys
from collections.abc import Sequence
from datetime import timedelta

from prometheus_client import CollectorRegistry, ProcessCollector

from shared.exposition import exposed
from shared.job_metrics import JobMetrics
from shared.job_queue import DELIVERIES, create_celery
from shared.job_store import JobStore
from shared.log import configure_logging, get_logger
from shared.redis_client import WORKER_TIMEOUT_SECONDS, connect
from shared.settings import load_settings
from shared.tracing import connect_tracing
from shared.webhook import DELAYS
from worker.metrics_server import serve_metrics
from worker.webhooks.courier import DUE_AGAIN, Courier
from worker.webhooks.delivery import LIMIT_SECONDS, Sender
from worker.webhooks.tasks import DeliverTask

_log = get_logger(__name__)

_AT_ONCE = 8  # A receiver that hangs holds one of them for the limit of a delivery.


def main(
    *,
    limit_seconds: float = LIMIT_SECONDS,
    delays: Sequence[timedelta] = DELAYS,
    due_again: timedelta = DUE_AGAIN,
) -> None:
    """Deliver until SIGTERM, which lets the deliveries that are under way end."""
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format)
    if not settings.webhook_secrets:
        _log.error("there is nothing to deliver", reason="WEBHOOK_SECRET is not set")
        sys.exit(os.EX_CONFIG)  # Starting again cannot help.
    app = create_celery(settings.redis_url)
    redis = connect(settings.redis_url, timeout_seconds=WORKER_TIMEOUT_SECONDS)
    tracing = connect_tracing(settings, "webhooks")
    counts = CollectorRegistry()
    serve_metrics(
        exposed(counts, ProcessCollector(registry=None)),
        settings.worker_metrics_host,
        settings.webhook_metrics_port,
    )
    task = app.register_task(DeliverTask())
    task.courier = Courier(
        JobStore(
            redis,
            result_ttl=settings.result_ttl,
            lease_seconds=settings.lease_seconds,
            tell=JobMetrics(counts).changed,
        ),
        Sender(settings.webhook_policy, limit_seconds=limit_seconds),
        settings.webhook_secrets,
        tracing,
        delays=delays,
        due_again=due_again,
    )
    worker = app.Worker(
        pool="threads",
        concurrency=_AT_ONCE,
        queues=[DELIVERIES],
        hostname=f"{settings.worker_name}-webhooks@{socket.gethostname()}",
        loglevel=settings.log_level.upper(),
        quiet=True,  # No banner: the log has what it says.
    )
    worker.start()
    tracing.stop()
    sys.exit(worker.exitcode or 0)


if __name__ == "__main__":
    main()
