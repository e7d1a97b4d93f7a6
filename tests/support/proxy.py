"""A TCP proxy that breaks on demand, to put between a server and those who use it."""

import asyncio
import socket
import struct
from collections.abc import Callable
from threading import Thread
from types import TracebackType
from typing import Self

_CHUNK = 65536
_AT_ONCE_WITH_RST = struct.pack("ii", 1, 0)  # SO_LINGER: on, zero seconds.


class Proxy:
    """Forwards connections to a port of this machine, from a port of its own, in a thread."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._flowing = asyncio.Event()
        self._clients: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop
        ).result()
        self.port = self._server.sockets[0].getsockname()[1]
        self.forward()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def forward(self) -> None:
        """Pass on what comes, and what has waited."""
        self._do(self._flowing.set)

    def stall(self) -> None:
        """Keep all connections and take new ones, but pass nothing on."""
        self._do(self._flowing.clear)

    def drop(self) -> None:
        """End all connections as a server does that closes them."""
        self._do_to_each(lambda client: client.close())

    def reset(self) -> None:
        """End all connections as a machine does that forgot them: with RST."""
        self._do_to_each(_reset)

    def _do(self, action: Callable[[], None]) -> None:
        async def act() -> None:
            action()

        asyncio.run_coroutine_threadsafe(act(), self._loop).result()

    def _do_to_each(self, action: Callable[[asyncio.StreamWriter], None]) -> None:
        def act() -> None:
            for client in self._clients:
                action(client)

        self._do(act)

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        try:
            answers, server = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            client.close()
            return
        self._clients.add(client)
        there = asyncio.ensure_future(self._pump(reader, server))
        back = asyncio.ensure_future(self._pump(answers, client))
        self._pumps |= {there, back}
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        for end in (client, server):
            end.close()
        for pump in (there, back):
            pump.cancel()
        self._pumps -= {there, back}
        self._clients.discard(client)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(_CHUNK):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            return  # One of the two sides has gone, which ends the other.

    async def _close(self) -> None:
        self._server.close()
        for pump in self._pumps:
            pump.cancel()
        for client in self._clients:
            client.transport.abort()
        await asyncio.sleep(0.1)  # The connections end in the next turns of the loop.


def _reset(client: asyncio.StreamWriter) -> None:
    connection: socket.socket = client.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE_WITH_RST)
    client.transport.abort()
