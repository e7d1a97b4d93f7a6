"""Machines of their own for workers and API processes: network namespaces, each on a cable."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

# A network that RFC 2544 sets aside for tests. Names and addresses have the process in them, for
# two runs beside each other.
_NETWORK = "198.18"


@dataclass(frozen=True)
class Machine:
    """A network namespace, and the cable between it and this machine."""

    number: int

    @property
    def name(self) -> str:
        return f"sb{os.getpid()}-{self.number}"

    @property
    def network(self) -> int:
        return (os.getpid() * 4 + self.number) % 256

    @property
    def address(self) -> str:
        return f"{_NETWORK}.{self.network}.2"

    @property
    def gateway(self) -> str:
        """This machine's address at the cable's end."""
        return f"{_NETWORK}.{self.network}.1"

    def running(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """Give the command that runs another one there."""
        return ("ip", "netns", "exec", self.name, *command)

    def cut(self) -> None:
        """Let nothing through any more; nobody is told."""
        _ip("link", "set", self.name, "down")

    def forget(self) -> None:
        """Have this machine's kernel end its connections with that one, as a crash does.

        While the cable is cut, nobody there is told. Skips where the kernel cannot do it.
        """
        subprocess.run(("ss", "--kill", "dst", self.address), check=False, capture_output=True)
        ask = ("ss", "--no-header", "--tcp", "dst", self.address)
        if subprocess.run(ask, check=True, capture_output=True).stdout:
            pytest.skip("this kernel cannot forget connections")

    def mend(self) -> None:
        _ip("link", "set", self.name, "up")


@contextmanager
def machines(count: int) -> Iterator[tuple[Machine, ...]]:
    """Set up machines; skip where that is not allowed, or cannot be done."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("wants root, and the program ip")
    with ExitStack() as stack:
        yield tuple(stack.enter_context(_machine(number)) for number in range(1, count + 1))


@contextmanager
def _machine(number: int) -> Iterator[Machine]:
    machine = Machine(number)
    name = machine.name
    try:
        _ip("netns", "add", name)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"network namespaces are not allowed here: {error.stderr.strip()}")
    try:
        _ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("address", "add", f"{machine.gateway}/24", "dev", name)
        _ip("-n", name, "address", "add", f"{machine.address}/24", "dev", "eth0")
        _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", name, "link", "set", "eth0", "up")
        machine.mend()
        yield machine
    finally:
        _ip("netns", "delete", name)  # With its end of the cable, so with both.


def _ip(*words: str) -> None:
    subprocess.run(("ip", *words), check=True, capture_output=True, text=True)
