"""`/metrics` of the processes that are no API."""

from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server

from shared.log import get_logger

_log = get_logger(__name__)


def serve_metrics(registry: CollectorRegistry, host: str, port: int) -> WSGIServer | None:
    """Answer scrapes in a thread, unless the port is 0.

    A port that is taken costs the metrics, not the work.
    """
    if not port:
        return None
    try:
        server, _ = start_http_server(port, host, registry)
    except OSError as error:
        _log.warning("metrics not served", host=host, port=port, reason=error.strerror)
        return None
    _log.info("metrics served", host=host, port=port)
    return server
