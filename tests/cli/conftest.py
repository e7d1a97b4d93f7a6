"""One service for a module's tests, on an empty Redis for each, and the program that asks it."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from redis import Redis

from scripts.cli.connection import ClientSettings
from shared.job_store import JobStore
from shared.settings import Settings
from tests.cli.program import Program
from tests.contract.serving import make_store, serving

StartProgram = Callable[..., Program]


@pytest.fixture(scope="module", autouse=True)
def _own_settings_only() -> Iterator[None]:
    """Hide the settings of whoever runs the tests."""
    fields = {*Settings.model_fields, *ClientSettings.model_fields}
    names = {name.upper() for name in fields} | {"COLUMNS", "FORCE_COLOR"}
    with pytest.MonkeyPatch.context() as patch:
        for variable in [name for name in os.environ if name.upper() in names]:
            patch.delenv(variable)
        yield


@pytest.fixture(scope="module")
def service(redis_url: str, restored_logging: None) -> Iterator[httpx.Client]:
    with serving(Settings(_env_file=None, redis_url=redis_url)) as client:
        yield client


@pytest.fixture
def program(service: httpx.Client, redis: Redis, capsys: pytest.CaptureFixture[str]) -> Program:
    return Program(capsys, str(service.base_url))


@pytest.fixture
def start_program(
    redis: Redis,
    redis_url: str,
    restored_logging: None,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[StartProgram]:
    """Start a service with settings of its own, and give the program that asks it."""
    with ExitStack() as stack:

        def start(**changes: object) -> Program:
            settings = Settings.model_validate({"redis_url": redis_url, **changes})
            return Program(capsys, str(stack.enter_context(serving(settings)).base_url))

        yield start


@pytest.fixture
def store(redis: Redis) -> JobStore:
    return make_store(redis)
