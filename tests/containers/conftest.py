"""Builds the images and brings the service up in them, where somebody asks for it.

    COMPOSE="docker compose" ./run.sh test tests/containers

Not by itself where an engine is found: that would download gigabytes.
"""

import os
import shlex
import shutil
from collections.abc import Iterator

import pytest

from tests.containers.engine import Containers


@pytest.fixture(scope="session")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    compose = shlex.split(os.environ.get("COMPOSE", ""))
    if not compose or not shutil.which(compose[0]):
        pytest.skip('COMPOSE is not set to a program such as "docker compose" or podman-compose')
    containers = Containers(compose, tmp_path_factory.mktemp("containers"))
    containers.prepare()
    containers.run("build")
    try:
        containers.run("up", "-d")
        containers.wait_until_ready()
        yield containers
    finally:
        containers.run("down", "-v")
