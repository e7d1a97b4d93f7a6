"""The service as its users run it: a real Redis, a real worker, a real API, each a process."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx

from scripts.embedded_redis import free_port, prepare

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 100

Answer = TypeVar("Answer")


def eventually(look: Callable[[], Answer], *, until: Callable[[Answer], bool]) -> Answer:
    """Look until what is seen is as wanted; on failure tell what was seen last."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        seen = look()
        if until(seen):
            return seen
        assert time.monotonic() < deadline, f"not so within {PATIENCE_SECONDS} s; last: {seen}"
        time.sleep(0.05)


@dataclass
class Stack:
    """Starts and stops the three processes; each can be killed and started again by its name."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    redis_url: str = ""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._redis = prepare(self.folder / "redis")
        self.redis_url = self._redis.url
        self.commands = {
            "redis": self._redis.command,
            "worker": (sys.executable, "-m", "worker.main"),
            "api": (sys.executable, "-m", "api.main"),
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *names: str) -> None:
        for name in names:
            with self.log(name).open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    self.commands[name],
                    cwd=ROOT,
                    env=self.environment(),
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

    def wait_until_ready(self) -> None:
        eventually(self._readiness, until=lambda status: status == httpx.codes.OK)

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def environment(self) -> dict[str, str]:
        """The settings of this stack and nothing of the machine's own."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {
            **kept,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "REDIS_URL": self.redis_url,
            "MODEL_ID": "auto",
            "DEVICE": "cpu",
            **self.settings,
        }

    def _readiness(self) -> int | str:
        try:
            return httpx.get(f"{self.url}/readyz").status_code
        except httpx.HTTPError as error:
            return repr(error)
