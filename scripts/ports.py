"""TCP ports for servers that are about to start."""

from collections.abc import Iterator
from itertools import cycle
from random import randrange
from socket import socket

# Below those that Linux, macOS and the BSDs give to outgoing connections, one of which would else
# take a port between its choice and the server's start.
_FIRST, _AFTER_LAST = 20_000, 32_000


def _in_turn() -> Iterator[int]:
    start = randrange(_FIRST, _AFTER_LAST)  # noqa: S311  # So that two programs begin elsewhere.
    return cycle([*range(start, _AFTER_LAST), *range(_FIRST, start)])


_ports = _in_turn()


def free_port() -> int:
    """Give a port of the loopback address that nobody listens on.

    Each call gives another one: a server that is to have it may not have started yet.
    """
    while True:
        port = next(_ports)
        with socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
