"""The options that several commands take, and how a command runs with them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from scripts.cli.client import Client
from scripts.cli.connection import open_client
from scripts.cli.failures import Failure, Interrupted
from scripts.cli.output import print_json

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="The service; else SEMANTIC_BIT_URL, else the one on this machine's PORT.",
        show_default=False,
    ),
]
ApiKey = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        metavar="KEY",
        help="Else SEMANTIC_BIT_API_KEY, else the first of API_KEY.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs, errors too.")]
JobId = Annotated[
    str, typer.Argument(metavar="ID", help="Of a job, or its beginning.", show_default=False)
]
File = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="A file, a folder, or - for stdout; else <id>-<seed>.png here.",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", "-f", help="Overwrite FILE.")]
Seconds = Annotated[
    float | None,
    typer.Option(
        "--timeout", metavar="SECONDS", min=0, help="Give up after so long.", show_default=False
    ),
]


@dataclass(frozen=True)
class Connection:
    """Which service and key the arguments name."""

    url: str | None = None
    api_key: str | None = None

    @classmethod
    def of(cls, context: typer.Context, url: str | None, api_key: str | None) -> "Connection":
        """Take what stands behind the command, else what stands before it."""
        given = context.find_object(Connection) or cls()
        return cls(url or given.url, api_key or given.api_key)


def run(
    work: Callable[[Client], Awaitable[None]], connection: Connection, *, as_json: bool
) -> None:
    """Do a command's work with a client.

    Raises:
        Failure: It went wrong; with `as_json` it has been reported on stdout.
    """

    async def with_client() -> None:
        async with aclosing(open_client(connection.url, connection.api_key)) as client:
            await work(client)

    with reporting(as_json=as_json):
        asyncio.run(with_client())


@contextmanager
def reporting(*, as_json: bool) -> Iterator[None]:
    """Report a failure on stdout too where the results are JSON."""
    try:
        yield
    except Failure as failure:
        if as_json:
            print_json(failure.report)
        raise
    except KeyboardInterrupt:
        interrupted = Interrupted("interrupted")
        if as_json:
            print_json(interrupted.report)
        raise interrupted from None
