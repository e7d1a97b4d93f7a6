"""One Redis server for the whole run, empty at the start of every test that asks for it."""

import logging
import os
import signal
from collections.abc import Iterator

import pytest
import structlog
from fakeredis import FakeRedis
from redis import Redis

from shared.settings import Settings
from tests.support.redis_server import running_redis
from tests.support.s3_server import Bucket, running_s3
from tests.support.traces import KeptTracing, Trace

# A shell that starts the tests in the background has them ignore Ctrl-C, and their programs too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# An application that one test has served logs to what was stderr then, and is closed by now.
logging.raiseExceptions = False


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server of TEST_REDIS_URL, whose database is emptied; else one of our own."""
    given = os.environ.get("TEST_REDIS_URL")
    if given:
        yield given
        return
    try:
        with running_redis(tmp_path_factory.mktemp("redis")) as url:
            yield url
    except LookupError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as redis:
        redis.flushdb()
        yield redis


@pytest.fixture
def fake_redis() -> Iterator[Redis]:
    with FakeRedis() as redis:
        yield redis


@pytest.fixture(params=["redis", "fake_redis"])
def any_redis(request: pytest.FixtureRequest) -> Redis:
    redis = request.getfixturevalue(request.param)
    assert isinstance(redis, Redis)
    return redis


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    with running_s3(tmp_path_factory.mktemp("s3")) as bucket:
        yield bucket


@pytest.fixture
def bucket(s3_server: Bucket, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """An empty bucket, with what the environment has to say about it."""
    s3_server.empty()
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server


@pytest.fixture
def tracing() -> KeptTracing:
    """Tracing whose spans are in `trace`."""
    return KeptTracing()


@pytest.fixture
def trace(tracing: KeptTracing) -> Trace:
    return Trace(tracing)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the settings of whoever runs the tests."""
    names = {name.upper() for name in Settings.model_fields}
    for variable in list(os.environ):
        if variable.upper() in names:
            monkeypatch.delenv(variable)


@pytest.fixture(scope="session")
def restored_logging() -> Iterator[None]:
    """Give back the logging that an application has configured for its own process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
