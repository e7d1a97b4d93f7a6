from ipaddress import IPv4Address, ip_address

import pytest

from shared.public_address import IPAddress
from shared.webhook_policy import AllowedHosts, WebhookPolicy
from worker.webhooks.address import AddressNotAllowed, Resolve, allowed_addresses, resolve

pytestmark = pytest.mark.anyio


def policy(allowed: str = "") -> WebhookPolicy:
    return WebhookPolicy(enabled=True, allow_http=True, allowed_hosts=AllowedHosts.of(allowed))


def knows(*addresses: str) -> Resolve:
    async def resolve(_: str) -> list[IPAddress]:
        return [ip_address(address) for address in addresses]

    return resolve


class TestResolve:
    @pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433"])
    async def test_gives_the_address_that_is_meant(self, host: str) -> None:
        assert await resolve(host) == [IPv4Address("127.0.0.1")]

    async def test_gives_each_address_of_a_name_once(self) -> None:
        addresses = await resolve("localhost")
        assert len(addresses) == len(set(addresses)) > 0
        assert all(address.is_loopback for address in addresses)

    @pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "a" * 300])
    async def test_fails_where_there_is_none(self, host: str) -> None:
        with pytest.raises(OSError, match=r".+"):
            await resolve(host)


class TestAllowedAddresses:
    async def test_are_those_of_a_public_name(self) -> None:
        addresses = ["2606:4700::1111", "1.1.1.1"]
        found = await allowed_addresses("receiver.example", policy(), knows(*addresses))
        assert list(map(str, found)) == addresses

    @pytest.mark.parametrize("hidden", ["10.0.0.1", "::ffff:127.0.0.1", "169.254.169.254"])
    async def test_are_none_where_one_is_not_public(self, hidden: str) -> None:
        with pytest.raises(AddressNotAllowed):
            await allowed_addresses("receiver.example", policy(), knows("1.1.1.1", hidden))

    @pytest.mark.parametrize("allowed", ["receiver.example", "10.0.0.0/24"])
    async def test_are_those_of_a_name_or_network_of_the_list(self, allowed: str) -> None:
        found = await allowed_addresses("receiver.example", policy(allowed), knows("10.0.0.1"))
        assert found == [IPv4Address("10.0.0.1")]

    async def test_of_a_name_that_resolves_to_this_machine_are_none(self) -> None:
        with pytest.raises(AddressNotAllowed):
            await allowed_addresses("localhost", policy())
