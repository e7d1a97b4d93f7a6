"""Pictures a second, and how long one takes, of other servers with the same weights."""

from collections.abc import Mapping
from functools import partial
from itertools import chain
from time import perf_counter
from typing import NamedTuple

from benchmarks.clients import send_all
from benchmarks.command import Effort, run
from benchmarks.peer_servers import Server, example, litserve, ours
from benchmarks.records import asks
from benchmarks.report import Figure, Findings
from benchmarks.spread import ratios
from benchmarks.turns import in_turns

_CLIENTS = (1, 8)
_OURS = "ours"
_EXAMPLE = "FastAPI and a lock"
_LITSERVE = "LitServe"


_SAME = (
    "The same weights, request (512x512, 28 steps) and sampler. The first is a few lines of our own"
    " after the idea of diffusers' example server, the second the example of LitServe's"
    " documentation. Neither queues, keeps or tells of anything, and both compress the PNG as"
    " Pillow does by default."
)
_MISSING = (
    "Not measured: stable-diffusion.cpp, whose server is not on PyPI, and whose networks have the"
    " sizes of the published checkpoints, which the bundled model has not."
)


class Turn(NamedTuple):
    """What a server did when it was its turn."""

    rate: float
    """Pictures a second."""

    seconds: list[float]
    """Of each request."""


def measure(effort: Effort) -> Findings:
    """Let all three load, then ask one after the other."""
    with ours() as first, example() as second, litserve() as third:
        servers = {_OURS: first, _EXAMPLE: second, _LITSERVE: third}
        _turns(servers, 1, pictures=1, rounds=1)  # The first are slower.
        turns = {
            clients: _turns(servers, clients, effort.of(8, clients), effort.of(8, 1))
            for clients in _CLIENTS
        }
    return Findings(
        figures=tuple(chain.from_iterable(_figures(*item) for item in turns.items())),
        notes=(_SAME, _MISSING),
    )


def _turns(
    servers: Mapping[str, Server], clients: int, pictures: int, rounds: int
) -> dict[str, list[Turn]]:
    ways = {name: partial(_turn, server, clients, pictures) for name, server in servers.items()}
    return in_turns(ways, rounds)


def _turn(server: Server, clients: int, pictures: int) -> Turn:
    started = perf_counter()
    answers = send_all(server.url, asks(pictures, server.path), clients)
    rate = pictures / (perf_counter() - started)
    return Turn(rate, [answer.expect(200).seconds for answer in answers])


def _figures(clients: int, turns: Mapping[str, list[Turn]]) -> list[Figure]:
    rates = {name: [turn.rate for turn in taken] for name, taken in turns.items()}
    label = f"{clients} at once" if clients > 1 else "1 client"
    return [
        *(
            Figure.middle(f"{label}: pictures a second, ours to {name}", ratios(rates[_OURS], rate))
            for name, rate in rates.items()
            if name != _OURS
        ),
        *(Figure.middle(f"{label}: {name}", rate, "a second") for name, rate in rates.items()),
        *(
            Figure.middle(f"{label}: {name}, p50 of a request", _seconds(taken), "s")
            for name, taken in turns.items()
        ),
    ]


def _seconds(turns: list[Turn]) -> list[float]:
    return list(chain.from_iterable(turn.seconds for turn in turns))


if __name__ == "__main__":
    run("peers", __doc__, measure)
