"""Which addresses are anybody's to reach, so that no client can have us reach others for it."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

IPAddress = IPv4Address | IPv6Address

# What `is_global` of some Python versions takes for public, and what only looks so.
_NOT_PUBLIC_IPV4 = tuple(
    map(
        IPv4Network,
        (
            "168.63.129.16/32",  # The metadata of a cloud, at a public address.
            "192.0.0.0/24",  # Protocol assignments, among them a cloud's metadata.
            "192.88.99.0/24",  # Relays of 6to4.
            "224.0.0.0/4",  # Multicast.
        ),
    )
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NOT_PUBLIC_IPV6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # Protocol assignments, among them Teredo, which holds an IPv4 address.
            "2002::/16",  # 6to4, which holds an IPv4 address.
            "3fff::/20",  # Documentation.
        ),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_IPV4_BITS = 2**32 - 1


def is_public(address: IPAddress) -> bool:
    """Say whether an address is reached over the Internet, and only so."""
    meant = unwrapped(address)
    if isinstance(meant, IPv4Address):
        return meant.is_global and not any(meant in network for network in _NOT_PUBLIC_IPV4)
    return (
        meant in _GLOBAL_UNICAST
        and meant.is_global
        and not any(meant in network for network in _NOT_PUBLIC_IPV6)
    )


def unwrapped(address: IPAddress) -> IPAddress:
    """Give the IPv4 address that an IPv6 address stands for, or the address itself."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & _IPV4_BITS)
    return address
