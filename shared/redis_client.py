"""How both processes connect to Redis: bounded in time, with a retry over a broken connection."""

from redis import BlockingConnectionPool, Redis
from redis._parsers import Encoder
from redis.backoff import ExponentialWithJitterBackoff
from redis.connection import PythonRespSerializer
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from shared.redis_address import SentinelAddress

CONNECT_TIMEOUT_SECONDS = 0.8
"""Also for sending a Celery message."""

API_TIMEOUT_SECONDS = 0.8
"""So that a request, with its one retry, is told within 2 seconds that Redis is away."""

WORKER_TIMEOUT_SECONDS = 5.0
"""A worker waits rather than throws away what it has painted."""

_CONNECTIONS = 16

_CUTOFF_BYTES = 6000
"""As redis-py has it: what is longer is sent as it is."""


class _SentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """Asks the Sentinels at each new connection, and has those wait that find none left."""


def connect(url: str, *, timeout_seconds: float) -> Redis:
    """Give a client each of whose calls ends within about twice the time, or raises `RedisError`.

    One retry covers a connection that broke while it was idle, such as after a restart of Redis.
    """
    options = {
        "max_connections": _CONNECTIONS,
        "timeout": timeout_seconds,
        "socket_connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "socket_timeout": timeout_seconds,
        "socket_keepalive": True,
        "retry": _once_more(),
        "command_packer": _packer(),
    }
    sentinels = SentinelAddress.of(url)
    if sentinels is None:
        return Redis(connection_pool=BlockingConnectionPool.from_url(url, **options))
    pool = _SentinelPool(  # type: ignore[no-untyped-call]
        sentinels.master, _manager_of(sentinels), **sentinels.login, **options
    )
    return Redis(connection_pool=pool)


def _manager_of(sentinels: SentinelAddress) -> Sentinel:
    return Sentinel(  # type: ignore[no-untyped-call]
        sentinels.hosts,
        sentinel_kwargs={
            "password": sentinels.sentinel_password,
            "socket_connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "socket_timeout": CONNECT_TIMEOUT_SECONDS,
            "retry": _once_more(),
        },
    )


def _packer() -> PythonRespSerializer:
    # hiredis, which reads replies faster, takes three times as long to send a picture: it copies.
    encoder = Encoder("utf-8", "strict", decode_responses=False)  # type: ignore[no-untyped-call]
    return PythonRespSerializer(_CUTOFF_BYTES, encoder.encode)


def _once_more() -> Retry:
    return Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.2), 1)
