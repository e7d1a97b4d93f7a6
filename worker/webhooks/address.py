"""From the name of a receiver to addresses that may be connected to."""

import socket
from collections.abc import Awaitable, Callable
from functools import partial
from ipaddress import ip_address

import anyio.to_thread

from shared.public_address import IPAddress
from shared.webhook_policy import WebhookPolicy

Resolve = Callable[[str], Awaitable[list[IPAddress]]]
"""From a host to its addresses, the best first."""


class AddressNotAllowed(Exception):
    """The host has an address that webhooks may not go to."""


async def resolve(host: str) -> list[IPAddress]:
    """Ask the system for the addresses of a host.

    Raises:
        OSError: It knows none.
    """
    look_up = partial(socket.getaddrinfo, host.encode(), None, type=socket.SOCK_STREAM)
    # The system's resolver cannot be interrupted; whoever waits for it can.
    found = await anyio.to_thread.run_sync(look_up, abandon_on_cancel=True)
    return list(dict.fromkeys(ip_address(address[0]) for *_, address in found))


async def allowed_addresses(
    host: str, policy: WebhookPolicy, resolve: Resolve = resolve
) -> list[IPAddress]:
    """Give the addresses of a host, all of them allowed.

    Raises:
        AddressNotAllowed: One is not, and then nobody knows what the others are.
        OSError: There are none.
    """
    addresses = await resolve(host)
    if not all(policy.allows(host, address) for address in addresses):
        raise AddressNotAllowed
    return addresses
