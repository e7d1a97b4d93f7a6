"""How many jobs an API process takes while nobody works on them."""

from functools import partial
from time import perf_counter

from benchmarks.clients import send_all
from benchmarks.holding import held
from benchmarks.records import asks, ids_of
from benchmarks.turns import in_turns

_CLIENTS = (1, 4, 16, 64)


def acceptance_rates(count: int, rounds: int) -> dict[int, list[float]]:
    """Give the jobs a second that so many clients got in, by the number of clients."""
    with held() as (stack, _):
        ways = {str(clients): partial(_rate, stack.url, clients, count) for clients in _CLIENTS}
        taken = in_turns(ways, rounds)
    return {int(clients): rates for clients, rates in taken.items()}


def _rate(url: str, clients: int, count: int) -> float:
    started = perf_counter()
    answers = send_all(url, asks(count, size=256, steps=5), clients)
    seconds = perf_counter() - started
    return len(ids_of(answers)) / seconds
