"""What a job costs Redis, in round trips and bytes: a guard against what creeps in unseen."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import current_thread

import httpx
import pytest
from redis import Redis
from redis.connection import AbstractConnection

from tests.contract.serving import working
from tests.support.pipelines import PaintsFlat
from tests.support.runners import make_runner

REQUEST: dict[str, object] = {
    "prompt": "a red apple on a white table",
    "num_inference_steps": 5,
    "width": 256,
    "height": 256,
}
API, RUNNER = "AnyIO worker thread", "MainThread"


@dataclass
class Wire:
    """Counts what is sent to Redis by each kind of thread of this process.

    A lease's own thread has a name of its own: how often it renews is a matter of time.
    """

    round_trips: Counter[str] = field(default_factory=Counter)
    sent_bytes: Counter[str] = field(default_factory=Counter)

    def count(self, command: bytes | Sequence[bytes]) -> None:
        parts = [command] if isinstance(command, bytes) else command
        name = current_thread().name
        self.round_trips[name] += 1
        self.sent_bytes[name] += sum(len(part) for part in parts)

    def clear(self) -> None:
        self.round_trips.clear()
        self.sent_bytes.clear()


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    wire, send = Wire(), AbstractConnection.send_packed_command

    def count_and_send(
        connection: AbstractConnection, command: bytes | Sequence[bytes], **options: bool
    ) -> None:
        wire.count(command)
        send(connection, command, **options)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(AbstractConnection, "send_packed_command", count_and_send)
    return wire


def submit(client: httpx.Client) -> str:
    job_id: str = client.post("/jobs", json=REQUEST).raise_for_status().json()["id"]
    return job_id


class TestSubmit:
    def test_takes_five_round_trips(self, client: httpx.Client, wire: Wire) -> None:
        submit(client)  # Which loads the scripts.
        wire.clear()
        submit(client)
        # The time with the workers, the job, its message, a word of that, its place in line.
        assert wire.round_trips[API] <= 5
        assert wire.sent_bytes[API] < 6_000

    def test_takes_no_more_where_many_wait(self, client: httpx.Client, wire: Wire) -> None:
        for _ in range(20):
            submit(client)
        wire.clear()
        submit(client)
        assert wire.round_trips[API] <= 5


class TestRun:
    @pytest.mark.parametrize("side", [256, 768])
    def test_takes_nine_round_trips_and_the_picture_once(
        self, client: httpx.Client, redis: Redis, wire: Wire, side: int
    ) -> None:
        jobs = [
            client.post("/jobs", json={**REQUEST, "width": side, "height": side}).json()["id"]
            for _ in range(2)
        ]
        runner = make_runner(redis)
        runner.run(jobs[0])
        wire.clear()
        runner.run(jobs[1])
        # Two of the claim, one of the picture, two of the end; twice what is known of the pace, and
        # two to learn of it.
        assert wire.round_trips[RUNNER] <= 9
        (size,) = (len(client.get(f"/jobs/{job}/image").content) for job in jobs[1:])
        assert wire.sent_bytes[RUNNER] < size + 12_000

    def test_takes_no_more_for_more_steps(
        self, client: httpx.Client, redis: Redis, wire: Wire
    ) -> None:
        steps = {**REQUEST, "num_inference_steps": 60}
        jobs = [client.post("/jobs", json=steps).json()["id"] for _ in range(2)]
        runner = make_runner(redis, PaintsFlat())
        runner.run(jobs[0])
        wire.clear()
        runner.run(jobs[1])
        assert wire.round_trips[RUNNER] <= 9


class TestAnswer:
    def test_to_a_blocking_call_takes_two_round_trips_more(
        self, client: httpx.Client, redis: Redis, wire: Wire
    ) -> None:
        with working(redis):
            client.post("/generate", json=REQUEST).raise_for_status()
            wire.clear()
            client.post("/generate", json=REQUEST).raise_for_status()
        # A look before it waits, and the picture; none is needed of the place in line.
        assert wire.round_trips[API] <= 4 + 2

    def test_with_a_picture_takes_two_round_trips(
        self, client: httpx.Client, redis: Redis, wire: Wire
    ) -> None:
        job = submit(client)
        make_runner(redis).run(job)
        wire.clear()
        client.get(f"/jobs/{job}/image").raise_for_status()
        assert wire.round_trips[API] <= 2
