"""The service in containers, of a checkout of its own, by whichever Compose there is."""

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from scripts.ports import free_port
from tests.containers.files import ROOT
from tests.support.stack import eventually

PATIENCE_SECONDS = 300
LOGIN = ("operator", "hunter2")
FILES = ("docker-compose.yml", "docker-compose.cpu.yml")


@dataclass
class Containers:
    """Runs Compose on a copy of the checkout, with a `.env` made from the example."""

    compose: list[str]
    """The command, such as `docker compose`."""

    folder: Path
    port: int = field(default_factory=free_port)
    flower_port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def flower_url(self) -> str:
        return f"http://127.0.0.1:{self.flower_port}"

    def prepare(self) -> None:
        """Copy what git has or would have; write `.env` as a user does."""
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in filter(None, names.split("\0")):
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
        example = (self.folder / ".env.example").read_text()
        (self.folder / ".env").write_text(example + self._chosen())

    def run(self, *arguments: str) -> str:
        """Run Compose; give what it writes to its standard output."""
        files = [part for name in FILES for part in ("-f", name)]
        command = [*self.compose, "-p", "semantic-bit-test", *files, *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def shell(self, service: str, script: str) -> str:
        """Run a script in a service's container; give what it says, whatever its status."""
        return self.run("exec", "-T", service, "sh", "-c", f"{{ {script}; }} 2>&1; true").strip()

    def kill(self, service: str) -> None:
        """Kill all that runs in a service's container, as the kernel does for want of memory."""
        # The shell is spared by the signal that it sends, and ends with its container.
        files = [part for name in FILES for part in ("-f", name)]
        kill = ("exec", "-T", service, "sh", "-c", "kill -9 -1")
        command = [*self.compose, "-p", "semantic-bit-test", *files, *kill]
        subprocess.run(command, cwd=self.folder, capture_output=True, check=False)

    def wait_until_ready(self) -> None:
        eventually(
            lambda: status_of(f"{self.url}/readyz"),
            until=lambda status: status == httpx.codes.OK,
            within_seconds=PATIENCE_SECONDS,
        )

    def wait_for_flower(self) -> None:
        eventually(
            lambda: status_of(f"{self.flower_url}/healthcheck"),
            until=lambda status: status == httpx.codes.OK,
            within_seconds=PATIENCE_SECONDS,
        )

    def _chosen(self) -> str:
        """What wins over the lines of the example, being the later ones."""
        return (
            f"\nHOST=127.0.0.1\nPORT={self.port}\nFLOWER_PORT={self.flower_port}\n"
            f"REDIS_PASSWORD=hunter2\nFLOWER_BASIC_AUTH={':'.join(LOGIN)}\n"
            "OMP_NUM_THREADS=1\n"  # Quicker on a machine that others use too.
            "REQUEST_TIMEOUT=300\n"
        )


def status_of(url: str, login: tuple[str, str] | None = None) -> int | str:
    try:
        return httpx.get(url, auth=login, timeout=10).status_code
    except httpx.HTTPError as error:
        return repr(error)
