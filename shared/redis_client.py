"""How both processes connect to Redis: bounded in time, with a retry over a broken connection."""

from redis import BlockingConnectionPool, Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

CONNECT_TIMEOUT_SECONDS = 0.8
"""Also for sending a Celery message."""

API_TIMEOUT_SECONDS = 0.8
"""So that a request, with its one retry, is told within 2 seconds that Redis is away."""

WORKER_TIMEOUT_SECONDS = 5.0
"""A worker waits rather than throws away what it has painted."""

_CONNECTIONS = 16


def connect(url: str, *, timeout_seconds: float) -> Redis:
    """Give a client each of whose calls ends within about twice the time, or raises `RedisError`.

    One retry covers a connection that broke while it was idle, such as after a restart of Redis.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=_CONNECTIONS,
        timeout=timeout_seconds,
        socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
        socket_timeout=timeout_seconds,
        socket_keepalive=True,
        retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.2), 1),
    )
    return Redis(connection_pool=pool)
