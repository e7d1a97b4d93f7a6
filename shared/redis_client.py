"""How both processes connect to Redis: bounded in time, with a retry over a broken connection."""

from redis import BlockingConnectionPool, Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

CONNECT_TIMEOUT_SECONDS = 1.0
SOCKET_TIMEOUT_SECONDS = 2.0
_CONNECTIONS = 16


def connect(url: str) -> Redis:
    """Give a client whose calls end within seconds, with an answer or a `RedisError`.

    One retry covers a connection that broke while it was idle, such as after a restart of Redis.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=_CONNECTIONS,
        timeout=SOCKET_TIMEOUT_SECONDS,
        socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
        socket_timeout=SOCKET_TIMEOUT_SECONDS,
        socket_keepalive=True,
        retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.2), 1),
    )
    return Redis(connection_pool=pool)
