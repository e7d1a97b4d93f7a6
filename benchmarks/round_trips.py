"""A job that does nothing, there and back: ours, and those of other queues on the same Redis."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

from benchmarks.clients import Session, session
from benchmarks.environments import python_with
from benchmarks.probes import Probe, probing
from benchmarks.records import asks
from benchmarks.servers import process
from benchmarks.stacks import SLEEPING, running
from benchmarks.turns import in_turns

OURS = "POST /generate"

_TRIPS_A_TURN = 10


@dataclass(frozen=True)
class Queue:
    """How to run a queue's worker, and the program that asks it."""

    name: str
    work: tuple[str, ...]
    ask: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


def other_queues() -> list[Queue]:
    """Give what ours is compared with."""
    here, arq = sys.executable, python_with("arq")
    lists = (here, "-m", "benchmarks.others.lists")
    celery = "benchmarks.others.celery_alone"
    arqs = (arq, "-m", "benchmarks.others.arq_alone")
    worker = (here, "-m", "celery", "-A", celery, "worker", "-c", "1", "-Q", "bench-celery")
    return [
        Queue("Redis lists alone", (*lists, "work"), (*lists, "ask")),
        Queue("Celery and its result backend", worker, (here, "-m", celery)),
        *(
            Queue(
                f"arq, polling every {poll} s",
                (*arqs, "work"),
                (*arqs, "ask"),
                {"BENCH_POLL": str(poll)},
            )
            for poll in (0.5, 0.01)
        ),
    ]


def round_trips(rounds: int) -> dict[str, list[float]]:
    """Give the seconds of each trip, by the queue's name."""
    with running(SLEEPING) as stack, session(stack.url) as client, ExitStack() as others:
        ways = {OURS: partial(_generate, client)}
        for queue in other_queues():
            probe = others.enter_context(_working(queue, stack.redis_url))
            ways[queue.name] = partial(probe.seconds, _TRIPS_A_TURN)
        taken = in_turns(ways, rounds)
    return {name: list(chain.from_iterable(seconds)) for name, seconds in taken.items()}


def _generate(client: Session) -> list[float]:
    ours = asks(_TRIPS_A_TURN, "/generate", size=256, steps=5)
    return [client.send(ask).expect(200).seconds for ask in ours]


@contextmanager
def _working(queue: Queue, redis_url: str) -> Iterator[Probe]:
    settings = {**queue.environment, "REDIS_URL": redis_url}
    with process(queue.work, settings), probing(queue.ask, settings) as probe:
        yield probe
