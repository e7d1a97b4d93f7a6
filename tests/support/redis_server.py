"""A real Redis for tests: a process of its own on loopback, gone when the tests are."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from scripts.embedded_redis import prepare

_PATIENCE_SECONDS = 20


@contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """Start a server with its data in `folder`; give its URL; stop exactly this one at the end.

    Raises:
        LookupError: There is no server program on this machine.
    """
    server = prepare(folder)
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen(server.command, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_until_it_answers(server.url)
        yield server.url
    finally:
        process.terminate()
        process.wait(timeout=_PATIENCE_SECONDS)


def _wait_until_it_answers(url: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with Redis.from_url(url) as redis:
        while True:
            try:
                redis.ping()
            except RedisConnectionError:
                assert time.monotonic() < deadline, "Redis does not answer; see redis.log"
                time.sleep(0.02)
            else:
                return
