"""One POST to a receiver that may be slow, broken, or not what it says it is."""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import httpx
from pydantic import HttpUrl

from shared import SERVICE_NAME, VERSION
from shared.log import get_logger
from shared.public_address import IPAddress
from shared.webhook import SUCCESS
from shared.webhook_policy import WebhookPolicy, host_of
from worker.webhooks.address import AddressNotAllowed, Resolve, allowed_addresses, resolve

_log = get_logger(__name__)

LIMIT_SECONDS = 10.0
"""For one delivery, from the name's resolution to the answer."""

_USER_AGENT = f"{SERVICE_NAME.replace(' ', '-')}/{VERSION}"
_MOST_READ_BYTES = 4096
_REDIRECT = range(300, 400)


@dataclass(frozen=True)
class Answer:
    """What came of a POST: a status, or why there is none."""

    status: int | None = None
    error: str | None = None


class Sender:
    """Sends to where the policy allows, within a limit of time."""

    def __init__(
        self,
        policy: WebhookPolicy,
        *,
        limit_seconds: float = LIMIT_SECONDS,
        trust: ssl.SSLContext | None = None,
        resolve: Resolve = resolve,
    ) -> None:
        self._policy = policy
        self._limit_seconds = limit_seconds
        self._trust = trust or _known_authorities()
        self._resolve = resolve

    def send(self, url: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        """POST once; whatever goes wrong is the answer, in words that the client may read."""
        try:
            if self._policy.why_refused(url):
                return Answer(error="URL not allowed")
            status = asyncio.run(self._send_within_limit(HttpUrl(url), content, headers))
        except Exception as error:  # noqa: BLE001  # A receiver can break whatever it likes.
            return Answer(error=self._in_words(error))
        return Answer(status, _complaint(status))

    async def _send_within_limit(
        self, url: HttpUrl, content: bytes, headers: Mapping[str, str]
    ) -> int:
        async with asyncio.timeout(self._limit_seconds):
            addresses = await allowed_addresses(host_of(url), self._policy, self._resolve)
            async with self._client(connect_seconds=self._limit_seconds / len(addresses)) as client:
                *others, last = addresses
                for address in others:
                    with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                        return await _post(client, url, address, content=content, headers=headers)
                return await _post(client, url, last, content=content, headers=headers)

    def _client(self, *, connect_seconds: float) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=self._trust,
            trust_env=False,  # A proxy would resolve the name again.
            follow_redirects=False,
            timeout=httpx.Timeout(None, connect=connect_seconds),
        )

    def _in_words(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"no answer within {self._limit_seconds:g} seconds"
        if any(isinstance(cause, ssl.SSLError) for cause in _causes(error)):
            return "TLS failed"
        for kind, words in _WORDS.items():
            if isinstance(error, kind):
                return words
        _log.exception("webhook could not be sent")
        return "internal error"


_WORDS: dict[type[Exception], str] = {
    AddressNotAllowed: "address not allowed",
    httpx.ConnectError: "connection failed",
    httpx.ConnectTimeout: "connection failed",
    httpx.RemoteProtocolError: "no valid HTTP answer",
    httpx.TransportError: "connection broken",
    OSError: "host not found",
}


async def _post(
    client: httpx.AsyncClient,
    url: HttpUrl,
    address: IPAddress,
    *,
    content: bytes,
    headers: Mapping[str, str],
) -> int:
    target = httpx.URL(str(url))
    own = {
        "Host": target.netloc.decode(),
        "User-Agent": _USER_AGENT,
        "Content-Type": "application/json",
        "Connection": "close",
    }
    async with client.stream(
        "POST",
        target.copy_with(host=str(address)),  # The one that was checked: names can change.
        content=content,
        headers={**own, **headers},
        extensions={"sni_hostname": host_of(url).rstrip(".")},  # Whom TLS has to prove to be.
    ) as response:
        await _read_a_little(response)
        return response.status_code


async def _read_a_little(response: httpx.Response) -> None:
    # Out of politeness, so that the receiver does not see its answer refused.
    with suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(1):
            async for _ in response.aiter_raw():
                if response.num_bytes_downloaded >= _MOST_READ_BYTES:
                    break


def _complaint(status: int) -> str | None:
    if status in SUCCESS:
        return None
    if status in _REDIRECT:
        return f"answered {status}, and redirects are not followed"
    return f"answered {status}"


def _causes(error: BaseException) -> list[BaseException]:
    cause = error.__cause__ or error.__context__
    return [error, *_causes(cause)] if cause else [error]


def _known_authorities() -> ssl.SSLContext:
    trust = httpx.create_ssl_context(trust_env=False)
    trust.load_default_certs()  # Those of this machine too, and of SSL_CERT_FILE.
    return trust
