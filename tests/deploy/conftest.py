"""What `deploy/` is checked with."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from redis import Redis

from tests.support.metrics import api_registry, worker_registry
from tests.support.scrape import Scrape

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"

Promtool = Callable[..., str]


@pytest.fixture(scope="session")
def promtool() -> Promtool:
    """Run the program that comes with Prometheus; give what it says once it is content."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed; scripts/install_promtool.sh does it on Debian")

    def run(*arguments: str | Path, text: str = "") -> str:
        done = subprocess.run(
            [program, *map(str, arguments)], input=text, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture
def registries(fake_redis: Redis) -> dict[str, CollectorRegistry]:
    return {"api": api_registry(fake_redis), "worker": worker_registry()}


@pytest.fixture
def shown(registries: dict[str, CollectorRegistry]) -> Scrape:
    return Scrape.of(*registries.values())
