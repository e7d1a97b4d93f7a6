"""Which webhooks are taken: asked where a client names one, and again before each delivery."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, Self

from pydantic import AfterValidator, Field, HttpUrl

from shared.public_address import IPAddress, is_public, unwrapped

MAX_URL_LENGTH = 2048

# A name whose last part is a number would be an address.
_NAME = re.compile(r"([a-z0-9_-]+\.)*(?!\d+$)[a-z0-9_-]+")


def _well_formed(text: str) -> str:
    if not text.isprintable() or " " in text:
        message = "must not contain white space or control characters"
        raise ValueError(message)
    try:
        url = HttpUrl(text)
    except ValueError:
        message = "must be a URL with https:// and a host"
        raise ValueError(message) from None
    if url.username is not None or url.password is not None:
        message = "must not contain a user name or password"
        raise ValueError(message)
    if url.fragment is not None:
        message = "must not contain a fragment"
        raise ValueError(message)
    return text


WebhookUrl = Annotated[
    str,
    Field(
        max_length=MAX_URL_LENGTH,
        json_schema_extra={"format": "uri", "examples": ["https://example.com/pictures"]},
    ),
    AfterValidator(_well_formed),
]
"""A URL that can be delivered to; whether it may be is the policy's to say."""


@dataclass(frozen=True)
class AllowedHosts:
    """Hosts and networks of our own that webhooks may reach."""

    names: frozenset[str]
    networks: tuple[IPv4Network | IPv6Network, ...]

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a list with commas.

        Raises:
            ValueError: An entry is neither a name nor an address nor a network.
        """
        entries = [_network_or_name(part.strip()) for part in text.split(",") if part.strip()]
        return cls(
            frozenset(entry for entry in entries if isinstance(entry, str)),
            tuple(entry for entry in entries if not isinstance(entry, str)),
        )

    def have(self, host: str, address: IPAddress) -> bool:
        """Say whether a host, or the address that it has, is on the list."""
        both = {address, unwrapped(address)}
        in_network = any(each in network for each in both for network in self.networks)
        return _plain(host) in self.names or in_network


@dataclass(frozen=True)
class WebhookPolicy:
    """Where webhooks may go."""

    enabled: bool
    allow_http: bool
    allowed_hosts: AllowedHosts

    def why_refused(self, url: str) -> str | None:
        """Say why a webhook may not go to a URL, or None where nothing speaks against it."""
        target = HttpUrl(url)
        literal = _literal(host_of(target))
        if not self.enabled:
            return "webhooks are off on this server, since WEBHOOK_SECRET is not set"
        if target.scheme != "https" and not self.allow_http:
            return "must begin with https://"
        if literal is not None and not self.allows(host_of(target), literal):
            return "must not lead to an address that is not public"
        return None

    def allows(self, host: str, address: IPAddress) -> bool:
        """Say whether a webhook for a host may go to an address that it has."""
        return is_public(address) or self.allowed_hosts.have(host, address)


def host_of(url: HttpUrl) -> str:
    """Give the host of a URL as a resolver takes it: ASCII, and IPv6 without brackets."""
    return (url.host or "").strip("[]")


def _literal(host: str) -> IPAddress | None:
    name = _plain(host)
    if name == "localhost" or name.endswith(".localhost"):
        return IPv4Address("127.0.0.1")
    try:
        return ip_address(host)
    except ValueError:
        return None


def _network_or_name(entry: str) -> IPv4Network | IPv6Network | str:
    try:
        return ip_network(entry)
    except ValueError:
        pass
    name = _plain(entry)
    if not _NAME.fullmatch(name):
        message = f"{entry!r} is neither a host name nor an address nor a network"
        raise ValueError(message)
    return name


def _plain(host: str) -> str:
    return host.lower().rstrip(".")
