"""Clients of a server: one after the other, or many at once."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from benchmarks.connection import Answer, Ask, Connection


class Session:
    """One client that sends its requests one after the other."""

    def __init__(self, url: str) -> None:
        """Connect."""
        self._runner = asyncio.Runner()
        self._connection = self._runner.run(Connection.to(url))

    def get(self, path: str) -> Answer:
        """Ask for something."""
        return self.send(Ask("GET", path))

    def post(self, path: str, **body: object) -> Answer:
        """Send JSON."""
        return self.send(Ask("POST", path, body))

    def send(self, ask: Ask) -> Answer:
        """Send any request."""
        return self._runner.run(self._connection.send(ask))

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
        self._runner.close()


@contextmanager
def session(url: str) -> Iterator[Session]:
    """Give a client that hangs up in the end."""
    one = Session(url)
    try:
        yield one
    finally:
        one.close()


def send_all(url: str, asks: Iterable[Ask], clients: int) -> list[Answer]:
    """Have so many clients send the requests, each the next one when it has its answer."""
    return asyncio.run(share(url, asks, clients))


async def share(url: str, asks: Iterable[Ask], clients: int) -> list[Answer]:
    """Do the same inside of a loop."""
    connections = [await Connection.to(url) for _ in range(clients)]
    left = iter(asks)
    answers: list[Answer] = []

    async def take_turns(connection: Connection) -> None:
        for ask in left:
            answers.append(await connection.send(ask))  # noqa: PERF401  # Shared by the clients.

    try:
        await asyncio.gather(*map(take_turns, connections))
    finally:
        for connection in connections:
            connection.close()
    return answers
