"""One API for a module's tests, on an empty Redis for each; others with their own settings."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from openai import OpenAI
from redis import Redis

from shared.job_store import JobStore
from shared.settings import Settings
from tests.contract.openai_client import ConnectTo
from tests.contract.serving import announce, make_store, serving

StartApi = Callable[..., httpx.Client]


@pytest.fixture(scope="module")
def _own_settings_only() -> Iterator[None]:
    """Hide the settings of whoever runs the tests."""
    names = {name.upper() for name in Settings.model_fields}
    with pytest.MonkeyPatch.context() as patch:
        for variable in [name for name in os.environ if name.upper() in names]:
            patch.delenv(variable)
        yield


@pytest.fixture(scope="module")
def api(redis_url: str, _own_settings_only: None, restored_logging: None) -> Iterator[httpx.Client]:
    with serving(Settings(_env_file=None, redis_url=redis_url)) as client:
        yield client


@pytest.fixture
def client(api: httpx.Client, redis: Redis) -> httpx.Client:
    """A client of an API with a worker."""
    announce(redis)
    return api


@pytest.fixture
def start_api(
    redis: Redis, redis_url: str, _own_settings_only: None, restored_logging: None
) -> Iterator[StartApi]:
    """Start an API with settings of its own, and a worker."""
    announce(redis)
    with ExitStack() as stack:
        yield lambda **changes: stack.enter_context(
            serving(Settings.model_validate({"redis_url": redis_url, **changes}))
        )


@pytest.fixture
def store(redis: Redis) -> JobStore:
    return make_store(redis)


@pytest.fixture(scope="session")
def connect_to() -> Iterator[ConnectTo]:
    """Give a client of any API; its connections are shared, since they take long to prepare."""
    with OpenAI(base_url="http://nowhere", api_key="unused") as shared:

        def connect(api: httpx.Client, *, api_key: str = "unused", max_retries: int = 0) -> OpenAI:
            url = str(api.base_url.join("/v1"))
            return shared.with_options(base_url=url, api_key=api_key, max_retries=max_retries)

        yield connect


@pytest.fixture
def openai_client(client: httpx.Client, connect_to: ConnectTo) -> OpenAI:
    return connect_to(client)
