"""The service as its users run it: a real Redis, real workers, a real API, each a process."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeVar

import httpx
import psutil
from redis.exceptions import RedisError

from scripts.embedded_redis import prepare
from scripts.ports import free_port
from shared.job_store import JobStore
from shared.redis_client import WORKER_TIMEOUT_SECONDS, connect

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 100

Answer = TypeVar("Answer")


def eventually(
    look: Callable[[], Answer],
    *,
    until: Callable[[Answer], bool],
    within_seconds: float = PATIENCE_SECONDS,
) -> Answer:
    """Look until what is seen is as wanted; on failure tell what was seen last."""
    deadline = time.monotonic() + within_seconds
    while True:
        seen = look()
        if until(seen):
            return seen
        assert time.monotonic() < deadline, f"not so within {within_seconds} s; last: {seen}"
        time.sleep(0.05)


@dataclass
class Stack:
    """Starts and stops the processes; each can be killed and started again by its name."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    worker: str = "worker.main"
    """The module that is run as the worker."""

    webhooks: str = "worker.webhooks.main"
    """The module that is run as the delivery worker."""

    port: int = field(default_factory=free_port)
    metrics_port: int = field(default_factory=free_port)
    """Of the worker."""

    webhook_metrics_port: int = field(default_factory=free_port)

    redis_url: str = ""
    """Where worker and API look for Redis; a test may put a proxy there before they start."""

    own_settings: dict[str, dict[str, str]] = field(default_factory=dict)
    """What only one process is told, by its name."""

    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._redis = prepare(self.folder / "redis")
        self.redis_url = self._redis.url
        # Of Redis itself, whatever a test puts between it and the others.
        self.redis = connect(self._redis.url, timeout_seconds=WORKER_TIMEOUT_SECONDS)
        self.store = JobStore(self.redis, result_ttl=3600, lease_seconds=15)
        self.commands = {
            "redis": self._redis.command,
            "worker": (sys.executable, "-m", self.worker),
            "webhooks": (sys.executable, "-m", self.webhooks),
            "api": (sys.executable, "-m", "api.main"),
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, *names: str) -> None:
        for name in names:
            with self.log(name).open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    self.commands[name],
                    cwd=ROOT,
                    env=self.environment() | self.own_settings.get(name, {}),
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )

    def stop(self, *names: str) -> None:
        for name in names:
            self.processes[name].terminate()
        for name in names:
            self.processes[name].wait(timeout=60)

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait()

    def close(self) -> None:
        """Stop whatever still runs; what does not stop soon is killed."""
        for name in reversed(self.processes):
            self.processes[name].terminate()
        for name in reversed(self.processes):
            try:
                self.processes[name].wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.kill(name)
        self.redis.close()

    def worker_child(self) -> psutil.Process:
        """The process that holds the model."""
        parent = psutil.Process(self.processes["worker"].pid)
        (child,) = eventually(parent.children, until=lambda children: len(children) == 1)
        return child

    def wait_until_ready(self) -> None:
        eventually(self._readiness, until=lambda status: status == httpx.codes.OK)

    def wait_for_redis(self) -> None:
        eventually(self._redis_answers, until=bool)

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def environment(self) -> dict[str, str]:
        """The settings of this stack and nothing of the machine's own."""
        kept = {
            name: os.environ[name]
            for name in ("PATH", "HOME", "LANG", "OMP_NUM_THREADS")
            if name in os.environ
        }
        return {
            **kept,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "WORKER_METRICS_PORT": str(self.metrics_port),
            "WEBHOOK_METRICS_PORT": str(self.webhook_metrics_port),
            "REDIS_URL": self.redis_url,
            "MODEL_ID": "auto",
            "DEVICE": "cpu",
            **self.settings,
        }

    def _redis_answers(self) -> bool:
        try:
            return bool(self.redis.ping())
        except RedisError:
            return False

    def _readiness(self) -> int | str:
        try:
            return httpx.get(f"{self.url}/readyz").status_code
        except httpx.HTTPError as error:
            return repr(error)
