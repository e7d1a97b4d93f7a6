"""What a process holds of the machine."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

import psutil

from tests.support.stack import Stack


@dataclass(frozen=True)
class Usage:
    """Memory, threads and connections at one moment."""

    megabytes: float
    threads: int
    connections: int
    """To Redis."""

    @classmethod
    def of_api(cls, stack: Stack) -> Self:
        """Look at the API of a service."""
        api = psutil.Process(stack.processes["api"].pid)
        port = urlsplit(stack.redis_url).port
        return cls(
            megabytes=api.memory_info().rss / 1e6,
            threads=api.num_threads(),
            connections=sum(
                bool(one.raddr) and one.raddr.port == port for one in api.net_connections()
            ),
        )
