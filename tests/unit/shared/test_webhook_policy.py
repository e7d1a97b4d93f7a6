from ipaddress import ip_address

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.webhook_policy import AllowedHosts, WebhookPolicy, WebhookUrl

NOBODY = AllowedHosts.of("")
STRICT = WebhookPolicy(enabled=True, allow_http=False, allowed_hosts=NOBODY)
URL = TypeAdapter[str](WebhookUrl)

NOT_PUBLIC = "must not lead to an address that is not public"


def policy(allowed: str = "", *, allow_http: bool = False) -> WebhookPolicy:
    return WebhookPolicy(
        enabled=True, allow_http=allow_http, allowed_hosts=AllowedHosts.of(allowed)
    )


class TestUrl:
    @pytest.mark.parametrize(
        "url",
        [
            "https://receiver.example",
            "https://receiver.example:8443/hook?token=a%20b",
            "https://bücher.example/ä",
            "https://1.1.1.1/",
            "https://[2606:4700:4700::1111]/",
            "http://receiver.example/",
            "https://receiver.example/" + "a" * 2023,
        ],
    )
    def test_is_kept_as_it_was_sent(self, url: str) -> None:
        assert URL.validate_python(url) == url

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("", "must be a URL"),
            ("receiver.example/hook", "must be a URL"),
            ("/hook", "must be a URL"),
            ("https://", "must be a URL"),
            ("ftp://receiver.example/", "must be a URL"),
            ("file:///etc/passwd", "must be a URL"),
            ("javascript:alert(1)", "must be a URL"),
            ("https://receiver.example:99999/", "must be a URL"),
            ("https://user@receiver.example/", "must not contain a user name"),
            ("https://:password@receiver.example/", "must not contain a user name"),
            ("https://receiver.example@10.0.0.1/", "must not contain a user name"),
            ("https://receiver.example/#part", "must not contain a fragment"),
            ("https://receiver.example/#", "must not contain a fragment"),
            (" https://receiver.example/", "must not contain white space"),
            ("https://receiver.example/a b", "must not contain white space"),
            ("https://receiver.example/\r\nHost: other", "must not contain white space"),
            ("https://receiver.example/" + "a" * 2024, "at most 2048 characters"),
        ],
    )
    def test_is_refused_with_the_reason(self, url: str, reason: str) -> None:
        with pytest.raises(ValidationError, match=reason):
            URL.validate_python(url)


class TestWhyRefused:
    def test_is_nothing_where_nothing_speaks_against_it(self) -> None:
        assert STRICT.why_refused("https://receiver.example/hook") is None

    def test_is_that_webhooks_are_off(self) -> None:
        off = WebhookPolicy(enabled=False, allow_http=True, allowed_hosts=NOBODY)
        reason = off.why_refused("https://receiver.example/")
        assert reason == "webhooks are off on this server, since WEBHOOK_SECRET is not set"

    def test_is_http_unless_that_is_allowed(self) -> None:
        url = "http://receiver.example/"
        assert STRICT.why_refused(url) == "must begin with https://"
        assert policy(allow_http=True).why_refused(url) is None

    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.0.0.1.",
            "%31%32%37.0.0.1",
            "①②⑦.0.0.1",
            "0",
            "169.254.169.254",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[fd00:ec2::254]",
            "localhost",
            "LOCALHOST.",
            "a.localhost",
        ],
    )
    def test_is_an_address_that_is_not_public_however_it_is_written(self, host: str) -> None:
        assert STRICT.why_refused(f"https://{host}/") == NOT_PUBLIC
        assert STRICT.why_refused(f"https://{host}:8443/") == NOT_PUBLIC

    @pytest.mark.parametrize(
        ("allowed", "host"),
        [
            ("127.0.0.1", "127.1"),
            ("127.0.0.0/8", "[::ffff:127.0.0.2]"),
            ("localhost", "localhost"),
            ("::1", "[::1]"),
        ],
    )
    def test_is_not_an_address_that_is_allowed(self, allowed: str, host: str) -> None:
        assert policy(allowed).why_refused(f"https://{host}/") is None


class TestAllowedHosts:
    @pytest.mark.parametrize(
        ("allowed", "host", "address"),
        [
            ("10.0.0.0/8", "receiver.example", "10.1.2.3"),
            ("10.1.2.3", "receiver.example", "10.1.2.3"),
            ("10.0.0.0/8", "receiver.example", "::ffff:10.1.2.3"),
            ("fd00::/8", "receiver.example", "fd00::1"),
            ("Receiver1", "receiver1", "10.1.2.3"),
            ("a.example, receiver.example.", "RECEIVER.example", "127.0.0.1"),
        ],
    )
    def test_may_be_reached(self, allowed: str, host: str, address: str) -> None:
        assert policy(allowed).allows(host, ip_address(address))

    @pytest.mark.parametrize(
        ("allowed", "host", "address"),
        [
            ("", "receiver.example", "10.1.2.3"),
            ("10.0.0.0/16", "receiver.example", "10.1.2.3"),
            ("10.0.0.0/8", "receiver.example", "fd00::1"),
            ("receiver.example", "a.receiver.example", "10.1.2.3"),
            ("receiver.example", "receiver.example.org", "10.1.2.3"),
        ],
    )
    def test_are_no_others(self, allowed: str, host: str, address: str) -> None:
        assert not policy(allowed).allows(host, ip_address(address))

    def test_do_not_close_the_internet(self) -> None:
        assert policy("10.0.0.0/8").allows("receiver.example", ip_address("1.1.1.1"))

    @pytest.mark.parametrize(
        "entry",
        ["10.0.0.1/8", "10.0.0.300", "1.2", "https://a.example", "*.example", "a b", "[::1]"],
    )
    def test_are_names_addresses_or_networks(self, entry: str) -> None:
        with pytest.raises(ValueError, match="neither a host name nor an address nor a network"):
            AllowedHosts.of(f"a.example, {entry}")
