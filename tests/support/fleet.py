"""A stack of several workers and several API processes on one Redis."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from scripts.ports import free_port
from shared.worker_registry import WorkerRegistry, WorkerState
from tests.support.held_worker import BUSY, HELD
from tests.support.machines import Machine
from tests.support.stack import PATIENCE_SECONDS, Stack, eventually

Record = dict[str, Any]

HELD_REQUEST: Record = {"prompt": HELD, "num_inference_steps": 5, "height": 256, "width": 256}
BUSY_REQUEST: Record = {**HELD_REQUEST, "prompt": BUSY}


@dataclass
class Fleet(Stack):
    """Workers `worker-1`, `worker-2`, ... and API processes `api-1`, `api-2`, ..."""

    worker: str = "tests.support.held_worker"
    workers: int = 4
    apis: int = 3
    hosts: dict[str, str] = field(default_factory=dict)
    """Where the processes are that are not on this machine."""

    clients: "dict[tuple[int, str], ApiClient]" = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.ports = {name: free_port() for name in self.api_names}
        for name in self.api_names:
            self.commands[name] = self.commands["api"]
            self.own_settings[name] = {"PORT": str(self.ports[name])}
        for name in self.worker_names:
            self.commands[name] = self.commands["worker"]
            self.own_settings[name] = {"WORKER_NAME": name, "WORKER_METRICS_PORT": "0"}
        self.commands["namesake"] = self.commands["worker"]
        self.own_settings["namesake"] = self.own_settings["worker-1"]
        self.settings["HOLD"] = str(self.hold)

    @property
    def hold(self) -> Path:
        """While it is there, the jobs that can be held are."""
        return self.folder / "hold"

    @property
    def api_names(self) -> list[str]:
        return [f"api-{number}" for number in range(1, self.apis + 1)]

    @property
    def worker_names(self) -> list[str]:
        return [f"worker-{number}" for number in range(1, self.workers + 1)]

    def api(self, number: int, key: str = "") -> "ApiClient":
        """Give the client of one of the API processes, with a key where one is needed."""
        if (number, key) not in self.clients:
            name = f"api-{number}"
            url = f"http://{self.hosts.get(name, '127.0.0.1')}:{self.ports[name]}"
            self.clients[number, key] = ApiClient(url, key)
        return self.clients[number, key]

    def move(self, name: str, machine: Machine) -> None:
        """Have a process run on another machine; Redis stays on this one."""
        self.hosts[name] = machine.address
        self.commands[name] = machine.running(self.commands[name])
        here = self.redis_url.replace("127.0.0.1", machine.gateway)
        self.own_settings[name]["REDIS_URL"] = here

    def close(self) -> None:
        super().close()
        for client in self.clients.values():
            client.http.close()

    def lives(self, name: str) -> bool:
        return name in self.processes and self.processes[name].poll() is None

    def until_ready(self) -> None:
        """Wait until every worker that lives is ready, and each API process says so too.

        One that stopped under the name of another has signed that one off, for some seconds.
        """
        living = {name for name in self.worker_names if self.lives(name)}
        eventually(self._ready_workers, until=living.issubset)
        for number in range(1, self.apis + 1):
            eventually(self.api(number).is_ready, until=bool)

    def _ready_workers(self) -> set[str]:
        beats = WorkerRegistry(self.redis).alive()
        ready = (beat for beat in beats if beat.state is WorkerState.READY)
        return {beat.worker.partition("@")[0] for beat in ready}

    def end_all(self) -> None:
        """Let go of the jobs that are held, and wait until no job waits or runs."""
        self.hold.unlink(missing_ok=True)
        eventually(self.store.count, until=lambda count: not any(count.values()))

    def painting(self) -> dict[str, str]:
        """Give the jobs that are painted now, and the name of the worker of each."""
        jobs = self.store.get_many(self.store.held_ids())
        return {job.id: job.worker.partition("@")[0] for job in jobs if job and job.worker}

    def occupy(self, client: "ApiClient") -> dict[str, str]:
        """Have every worker hold a job; give the jobs and their workers."""
        self.hold.touch()
        for _ in range(self.workers):
            client.submit(HELD_REQUEST)
        return self.until_painting(self.workers)

    def until_painting(self, count: int) -> dict[str, str]:
        return eventually(self.painting, until=lambda jobs: len(jobs) == count)


class ApiClient:
    """Talks to one API process."""

    def __init__(self, url: str, key: str = "") -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.url = url
        self.http = httpx.Client(base_url=url, headers=headers, timeout=PATIENCE_SECONDS)

    def send(self, request: Record, **headers: str) -> httpx.Response:
        return self.http.post("/jobs", json=request, headers=headers)

    def submit(self, request: Record, **headers: str) -> str:
        answer = self.send(request, **headers)
        assert answer.is_success, answer.text
        job_id: str = answer.json()["id"]
        return job_id

    def job(self, job_id: str) -> Record:
        return self._get(f"/jobs/{job_id}").json()  # type: ignore[no-any-return]

    def ended(self, job_id: str) -> Record:
        """Wait for the end of a job, as a client does that can wait."""
        return eventually(
            lambda: self._get(f"/jobs/{job_id}?wait=20").json(),
            until=lambda job: bool(job["finished_at"]),
        )

    def image(self, job_id: str) -> bytes:
        return self._get(f"/jobs/{job_id}/image").content

    @contextmanager
    def following(self, job_id: str) -> Iterator[Iterator[str]]:
        """Follow a job; give the types of its events as they come."""
        with self.http.stream("GET", f"/jobs/{job_id}/events") as answer:
            lines = (line.partition("event: ") for line in answer.iter_lines())
            yield (kind for before, colon, kind in lines if colon and not before)

    def cancel(self, job_id: str) -> None:
        assert self.http.delete(f"/jobs/{job_id}").is_success

    def is_ready(self) -> bool:
        try:
            return self.http.get("/readyz").is_success
        except httpx.TransportError:
            return False

    def _get(self, path: str) -> httpx.Response:
        answer = self.http.get(path)
        assert answer.is_success, answer.text
        return answer
