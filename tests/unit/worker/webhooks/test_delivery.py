import asyncio
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import pytest

from shared import VERSION
from shared.public_address import IPAddress
from shared.webhook_policy import AllowedHosts, WebhookPolicy
from tests.support.receiver import (
    Receiver,
    Way,
    answers,
    drips_its_body,
    drips_its_headers,
    floods,
    hangs,
    hangs_up,
    redirects,
    talks_nonsense,
)
from worker.webhooks.address import Resolve
from worker.webhooks.delivery import Answer, Sender

LIMIT_SECONDS = 0.5
PATIENCE_SECONDS = 20.0
CONTENT = b'{"type": "job.succeeded"}'
HEADERS = {"webhook-id": "msg_a"}


def sender(
    allowed: str = "127.0.0.0/8",
    *,
    resolve: Resolve | None = None,
    trust: ssl.SSLContext | None = None,
    limit_seconds: float = PATIENCE_SECONDS,
) -> Sender:
    policy = WebhookPolicy(enabled=True, allow_http=True, allowed_hosts=AllowedHosts.of(allowed))
    seams = {"resolve": resolve} if resolve else {}
    return Sender(policy, limit_seconds=limit_seconds, trust=trust, **seams)


def send(url: str, by: Sender | None = None) -> Answer:
    return (by or sender()).send(url, CONTENT, HEADERS)


def knows(*addresses: str) -> Resolve:
    async def resolve(_: str) -> list[IPAddress]:
        return [ip_address(address) for address in addresses]

    return resolve


class TestSend:
    def test_posts_the_content_with_its_headers(self) -> None:
        with Receiver() as receiver:
            assert send(receiver.url) == Answer(status=200)
        (received,) = receiver.received
        assert (received.path, received.body) == ("/hook?a=b", CONTENT)
        told = ("host", "user-agent", "content-type", "webhook-id")
        assert {name: received.headers[name] for name in told} == {
            "host": f"127.0.0.1:{receiver.port}",
            "user-agent": f"Semantic-Bit-GPU-Server/{VERSION}",
            "content-type": "application/json",
            "webhook-id": "msg_a",
        }

    @pytest.mark.parametrize("status", [200, 202, 204, 299])
    def test_takes_a_success_for_one(self, status: int) -> None:
        with Receiver(answers(status, b"")) as receiver:
            assert send(receiver.url) == Answer(status=status)

    @pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
    def test_says_what_was_answered_instead(self, status: int) -> None:
        with Receiver(answers(status)) as receiver:
            assert send(receiver.url) == Answer(status, f"answered {status}")

    def test_follows_no_redirect(self) -> None:
        with Receiver() as target, Receiver(redirects(target.url)) as receiver:
            answer = send(receiver.url)
        assert answer == Answer(302, "answered 302, and redirects are not followed")
        assert target.received == []

    def test_keeps_no_cookie(self) -> None:
        way = answers(200, Set_Cookie="a=b")
        with Receiver(way) as receiver:
            by = sender()
            send(receiver.url, by)
            send(receiver.url, by)
        assert "cookie" not in receiver.received[1].headers

    def test_uses_no_proxy_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with Receiver() as proxy, Receiver() as receiver:
            for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            assert send(receiver.url) == Answer(200)
        assert proxy.received == []


class TestBrokenReceiver:
    @pytest.mark.parametrize("way", [hangs, drips_its_headers])
    def test_that_never_answers_is_given_up_at_the_limit(self, way: Way) -> None:
        with Receiver(way) as receiver:
            started = time.monotonic()
            answer = send(receiver.url, sender(limit_seconds=LIMIT_SECONDS))
            took = time.monotonic() - started
        assert answer == Answer(error="no answer within 0.5 seconds")
        assert LIMIT_SECONDS <= took < LIMIT_SECONDS + 5

    @pytest.mark.parametrize("way", [floods, drips_its_body])
    def test_that_never_ends_its_answer_has_given_it(self, way: Way) -> None:
        with Receiver(way) as receiver:
            started = time.monotonic()
            answer = send(receiver.url)
            took = time.monotonic() - started
        assert answer == Answer(200)
        assert took < PATIENCE_SECONDS / 2

    @pytest.mark.parametrize("way", [talks_nonsense, hangs_up])
    def test_that_speaks_no_http_is_named_so(self, way: Way) -> None:
        with Receiver(way) as receiver:
            assert send(receiver.url) == Answer(error="no valid HTTP answer")

    def test_that_is_not_there_is_named_so(self) -> None:
        with Receiver() as receiver:
            url = receiver.url
        assert send(url) == Answer(error="connection failed")

    def test_that_has_no_address_is_named_so(self) -> None:
        assert send("http://nowhere.invalid/") == Answer(error="host not found")

    def test_that_breaks_us_is_named_so(self) -> None:
        async def breaks(_: str) -> list[IPAddress]:
            message = "10.0.0.1 at /home/somebody"
            raise ValueError(message)

        answer = send("http://receiver.example/", sender(resolve=breaks))
        assert answer == Answer(error="internal error")

    def test_whose_name_is_looked_up_for_too_long_is_given_up(self) -> None:
        async def ponders(_: str) -> list[IPAddress]:
            await asyncio.sleep(60)
            return []

        answer = send(
            "http://receiver.example/", sender(resolve=ponders, limit_seconds=LIMIT_SECONDS)
        )
        assert answer == Answer(error="no answer within 0.5 seconds")


class TestAddress:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "[::ffff:127.0.0.1]"])
    def test_of_this_machine_is_refused_unless_it_is_allowed(self, host: str) -> None:
        with Receiver() as receiver:
            answer = send(f"http://{host}:{receiver.port}/", sender(allowed=""))
        assert answer == Answer(error="URL not allowed")
        assert receiver.received == []

    @pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "fd00:ec2::254"])
    def test_behind_a_public_name_is_refused(self, address: str) -> None:
        with Receiver() as receiver:
            answer = send(
                f"http://receiver.example:{receiver.port}/",
                sender(allowed="", resolve=knows("1.1.1.1", address)),
            )
        assert answer == Answer(error="address not allowed")
        assert receiver.received == []

    def test_is_looked_up_once_so_that_it_cannot_change_after_the_check(self) -> None:
        looked_up = []

        async def rebinds(host: str) -> list[IPAddress]:
            looked_up.append(host)
            return [ip_address("127.0.0.1" if len(looked_up) == 1 else "127.0.0.2")]

        with Receiver() as receiver:
            url = f"http://receiver.example:{receiver.port}/"
            answer = send(url, sender(allowed="127.0.0.1", resolve=rebinds))
        assert answer == Answer(200)
        assert looked_up == ["receiver.example"]
        assert receiver.received[0].headers["host"] == f"receiver.example:{receiver.port}"

    def test_that_does_not_answer_gives_way_to_the_next(self) -> None:
        with Receiver(address="127.0.0.1") as receiver:
            url = f"http://receiver.example:{receiver.port}/"
            answer = send(url, sender(resolve=knows("127.0.0.9", "127.0.0.1")))
        assert answer == Answer(200)

    def test_is_that_of_http_only_where_that_is_allowed(self) -> None:
        policy = WebhookPolicy(
            enabled=True, allow_http=False, allowed_hosts=AllowedHosts.of("127.0.0.1")
        )
        with Receiver() as receiver:
            assert send(receiver.url, Sender(policy)) == Answer(error="URL not allowed")
        assert receiver.received == []


NAME = "receiver.example"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make a certificate for a name, with its key, that trusts itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl on this machine")

    def make(name: str) -> Path:
        folder = tmp_path_factory.mktemp("tls")
        both = folder / "both.pem"
        command = (
            f"{openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
            f" -subj /CN=test -addext subjectAltName={name} -keyout {both} -out {both}.crt"
        )
        subprocess.run(command.split(), check=True, capture_output=True)
        both.write_bytes(both.read_bytes() + Path(f"{both}.crt").read_bytes())
        return both

    return make


def tls_receiver(certificate: Path) -> Receiver:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    return Receiver(tls=tls)


def tls_sender(certificate: Path | None) -> Sender:
    trust = ssl.create_default_context(cafile=certificate) if certificate else None
    return sender(trust=trust, resolve=knows("127.0.0.1"))


class TestTls:
    def test_proves_the_name_though_the_address_is_connected_to(
        self, certificate: Callable[[str], Path]
    ) -> None:
        own = certificate(f"DNS:{NAME}")
        with tls_receiver(own) as receiver:
            assert send(f"https://{NAME}:{receiver.port}/", tls_sender(own)) == Answer(200)
            assert send(f"https://{NAME}.:{receiver.port}/", tls_sender(own)) == Answer(200)
        assert receiver.received[0].headers["host"] == f"{NAME}:{receiver.port}"

    def test_proves_an_address_where_the_url_names_one(
        self, certificate: Callable[[str], Path]
    ) -> None:
        own = certificate("IP:127.0.0.1")
        with tls_receiver(own) as receiver:
            assert send(f"https://127.0.0.1:{receiver.port}/", tls_sender(own)) == Answer(200)

    @pytest.mark.parametrize("name", ["DNS:other.example", "IP:127.0.0.1"])
    def test_of_another_name_fails(self, certificate: Callable[[str], Path], name: str) -> None:
        other = certificate(name)
        with tls_receiver(other) as receiver:
            answer = send(f"https://{NAME}:{receiver.port}/", tls_sender(other))
        assert answer == Answer(error="TLS failed")
        assert receiver.received == []

    def test_that_nobody_vouches_for_fails(self, certificate: Callable[[str], Path]) -> None:
        with tls_receiver(certificate(f"DNS:{NAME}")) as receiver:
            answer = send(f"https://{NAME}:{receiver.port}/", tls_sender(None))
        assert answer == Answer(error="TLS failed")

    def test_fails_with_a_receiver_that_has_none(self) -> None:
        with Receiver() as receiver:
            answer = send(f"https://{NAME}:{receiver.port}/", tls_sender(None))
        assert answer == Answer(error="TLS failed")
