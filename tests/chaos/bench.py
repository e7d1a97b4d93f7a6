"""What all chaos runs are made of: sizes, chance, requests, a good client, and the figures."""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Self, TypeVar

import httpx

from shared.keys import PREFIX
from tests.support.log_lines import log_lines
from tests.support.stack import PATIENCE_SECONDS, Stack, eventually

SEED = int(os.environ.get("CHAOS_SEED") or time.time_ns() % 10**6)
"""What every random schedule comes from; CHAOS_SEED repeats one."""

FULL = os.environ.get("CHAOS_SCALE", "short") == "full"

ONE_THREAD = {"OMP_NUM_THREADS": "1"}
"""For workers: small pictures gain nothing from more, and a busy machine loses much."""

BOUND_SECONDS = 4
"""Within which an API without Redis answers: 2 seconds, and as much again for a busy machine."""

Answer = TypeVar("Answer")
Record = dict[str, Any]


def sized(*, short: int, full: int) -> int:
    return full if FULL else short


def chance(name: str) -> Random:
    """A schedule of its own for each test, whatever runs before it."""
    return Random(f"{SEED} {name}")


_PATIENCE_SECONDS = sized(short=PATIENCE_SECONDS, full=6 * PATIENCE_SECONDS)

_PROMPTS = (
    "a red apple on a white table",
    "a cat on a mat",
    "a house between two trees",
    "a blue circle on a yellow background",
    "a sunset over mountains",
)

REQUESTS: tuple[Record, ...] = tuple(
    {
        "prompt": _PROMPTS[number % len(_PROMPTS)],
        "num_inference_steps": 5 + number % 4,
        "height": 256,
        "width": 256,
        "seed": number,
        "scheduler": ("dpmsolver++", "euler_ancestral")[number % 2],
    }
    for number in range(sized(short=4, full=10))
)


def slow(steps: int = 60) -> Record:
    """A request that the worker of `poisoned_worker` takes at least a quarter second a step for."""
    return {**REQUESTS[0], "prompt": "slow", "num_inference_steps": steps}


@dataclass(frozen=True)
class GoodClient:
    """Sends everything with a key, and again where it is told that the service is not ready."""

    url: str
    http: httpx.Client = field(
        default_factory=lambda: httpx.Client(
            timeout=PATIENCE_SECONDS, limits=httpx.Limits(max_connections=200)
        )
    )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def submit(self, request: Record, key: str) -> str:
        answer = self._persist(
            lambda: self.http.post(
                f"{self.url}/jobs", json=request, headers={"Idempotency-Key": key}
            )
        )
        job_id: str = answer.json()["id"]
        return job_id

    def paint(self, request: Record, key: str) -> httpx.Response:
        return self._persist(
            lambda: self.http.post(
                f"{self.url}/generate", json=request, headers={"Idempotency-Key": key}
            )
        )

    def job(self, job_id: str) -> Record:
        record: Record = self._persist(lambda: self.http.get(f"{self.url}/jobs/{job_id}")).json()
        return record

    def image(self, job_id: str) -> bytes:
        return self._persist(lambda: self.http.get(f"{self.url}/jobs/{job_id}/image")).content

    def ended(self, job_id: str) -> Record:
        return eventually(lambda: self.job(job_id), until=lambda job: bool(job["finished_at"]))

    def cancel(self, job_id: str) -> Record:
        record: Record = self._persist(lambda: self.http.delete(f"{self.url}/jobs/{job_id}")).json()
        return record

    def running(self, job_id: str, *, step: int = 1) -> Record:
        """Wait until the job has done some steps."""
        return eventually(
            lambda: self.job(job_id),
            until=lambda job: job["state"] == "running" and job["progress"]["step"] >= step,
        )

    def _persist(self, call: Callable[[], httpx.Response]) -> httpx.Response:
        answer = eventually(
            lambda: _answer(call),
            until=lambda answer: answer is not None,
            within_seconds=_PATIENCE_SECONDS,
        )
        assert answer is not None
        assert answer.is_success, answer.text
        return answer


def _answer(call: Callable[[], httpx.Response]) -> httpx.Response | None:
    """The answer, or None where a good client tries again."""
    try:
        answer = call()
    except httpx.TransportError:
        return None
    return None if answer.status_code in {503, 504} else answer


class LeavingClient:
    """A client that asks for a picture and can leave before the answer."""

    def __init__(self, stack: Stack, request: Record, **headers: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", stack.port)
        json_body = {"Content-Type": "application/json"}
        self._connection.request("POST", "/generate", json.dumps(request), json_body | headers)

    def close(self) -> None:
        self._connection.close()


def together(calls: Iterable[Callable[[], Answer]]) -> list[Future[Answer]]:
    """Start the calls at once, each in its thread."""
    waiting = list(calls)
    with_room_for_all = ThreadPoolExecutor(len(waiting))
    started = [with_room_for_all.submit(call) for call in waiting]
    with_room_for_all.shutdown(wait=False)
    return started


def undisturbed(client: GoodClient) -> list[bytes]:
    """The picture of each of REQUESTS, painted while nothing breaks."""
    return [
        client.paint(request, f"undisturbed-{number}").content
        for number, request in enumerate(REQUESTS)
    ]


def finished(stack: Stack) -> int:
    """How many jobs have ended."""
    return len(stack.redis.keys(f"{PREFIX}ended:*"))


def until_finished(stack: Stack, count: int) -> None:
    eventually(lambda: finished(stack), until=lambda ended: ended >= count)


def records(stack: Stack) -> int:
    """How many jobs there are, ended or not."""
    return len(stack.redis.keys(f"{PREFIX}job:*"))


def ended_by_worker(log: Path) -> Counter[str]:
    """How often the worker's own log says that each job was painted to its end."""
    return Counter(
        line["job_id"]
        for line in log_lines(log)
        if line["event"] == "job ended" and line["state"] == "succeeded"
    )


@dataclass(frozen=True)
class Figures:
    """What a run has shown, in a line that can be quoted."""

    run: str
    jobs: Sequence[Record]
    faults: int
    recoveries: Sequence[float] = ()
    """Seconds."""

    double: int = 0
    """Jobs that were painted to their end more than once."""

    @property
    def succeeded(self) -> int:
        return sum(job["state"] == "succeeded" for job in self.jobs)

    def __str__(self) -> str:
        said = (
            f"{self.run}: seed {SEED}, {len(self.jobs)} jobs, {self.faults} faults, "
            f"{self.succeeded} succeeded, {len(self.jobs) - self.succeeded} lost, "
            f"{self.double} double"
        )
        times = self.recoveries
        if not times:
            return said
        return f"{said}, recovery {median(times):.1f} s median, {max(times):.1f} s at most"


def until_next_start(jobs: Iterable[Record], faults: Iterable[float]) -> list[float]:
    """Seconds from each fault, in seconds since the epoch, to the next start of an attempt."""
    times = [attempt["started_at"] for job in jobs for attempt in job["attempts"]]
    starts = sorted(datetime.fromisoformat(time).timestamp() for time in times)
    after = [(fault, [start for start in starts if start > fault]) for fault in faults]
    return [later[0] - fault for fault, later in after if later]


def outcomes(job: Record) -> list[str]:
    """How each attempt at the job has ended."""
    return [attempt["outcome"] for attempt in job["attempts"]]
