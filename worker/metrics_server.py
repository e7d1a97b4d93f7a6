"""The worker's `/metrics`."""

from wsgiref.simple_server import WSGIServer

from prometheus_client import ProcessCollector, start_http_server

from shared.exposition import exposed
from shared.log import get_logger
from shared.settings import Settings
from worker.metrics import WorkerMetrics

_log = get_logger(__name__)


def serve_metrics(metrics: WorkerMetrics, settings: Settings) -> WSGIServer | None:
    """Answer scrapes in a thread; a port that is taken costs the metrics, not the pictures."""
    host, port = settings.worker_metrics_host, settings.worker_metrics_port
    if not port:
        return None
    registry = exposed(metrics.counts, metrics.model, ProcessCollector(registry=None))
    try:
        server, _ = start_http_server(port, host, registry)
    except OSError as error:
        _log.warning("metrics not served", host=host, port=port, reason=error.strerror)
        return None
    _log.info("metrics served", host=host, port=port)
    return server
