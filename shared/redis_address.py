"""REDIS_URL: one Redis, one behind TLS, or the master that Sentinels name.

redis://:password@host:6379/0
rediss://:password@host:6380/0?ssl_ca_certs=/etc/ca.pem
sentinel://:password@one:26379,two:26379,three:26379/name-of-the-master/0
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, quote, unquote, urlsplit

from pydantic import RedisDsn

_SENTINEL = "sentinel://"
_SENTINEL_PORT = 26379
_SENTINEL_URL = re.compile(
    r"sentinel://"
    r"(?:(?P<username>[^:@/]*):(?P<password>[^@/]*)@)?"
    r"(?P<hosts>[^@/?]+)/(?P<master>[^/?]+)(?:/(?P<db>\d+))?"
    r"(?:\?sentinel_password=(?P<sentinel_password>[^&]*))?"
)
_HOST = re.compile(r"([^:,\[\]]+|\[[\da-fA-F:]+\])(?::(\d{1,5}))?")
_TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


@dataclass(frozen=True)
class SentinelAddress:
    """The Sentinels to ask, and the master to ask for."""

    hosts: tuple[tuple[str, int], ...]
    master: str
    db: int
    username: str | None
    password: str | None
    """Of Redis, not of the Sentinels."""

    sentinel_password: str | None

    @classmethod
    def of(cls, url: str) -> Self | None:
        """Read a URL; None where it is not of Sentinels.

        Raises:
            ValueError: It is, and not as it has to be.
        """
        if not url.startswith(_SENTINEL):
            return None
        read = _SENTINEL_URL.fullmatch(url)
        hosts = [_HOST.fullmatch(host) for host in read["hosts"].split(",")] if read else []
        if read is None or None in hosts:
            message = "must be sentinel://:password@host:26379,host:26379/name-of-the-master"
            raise ValueError(message)
        return cls(
            hosts=tuple(map(_host, filter(None, hosts))),
            master=unquote(read["master"]),
            db=int(read["db"] or 0),
            username=_said(read["username"]),
            password=_said(read["password"]),
            sentinel_password=_said(read["sentinel_password"]),
        )

    @property
    def login(self) -> dict[str, int | str | None]:
        """What a client of the master gives to be let in, and where it looks."""
        return {"db": self.db, "username": self.username, "password": self.password}

    @property
    def broker_url(self) -> str:
        """The same as kombu writes it, but for what is in its transport's options."""
        login = ""
        if self.password:
            login = f"{quote(self.username or '', safe='')}:{quote(self.password, safe='')}@"
        return ";".join(
            f"sentinel://{login}{_bracketed(host)}:{port}/{self.db}" for host, port in self.hosts
        )


def check_redis_url(url: str) -> str:
    """Give the URL back.

    Raises:
        ValueError: It is not one; or a file that it names is not there.
    """
    if SentinelAddress.of(url) is not None:
        return url
    RedisDsn(url)
    for name, (path, *_) in parse_qs(urlsplit(url).query).items():
        if name in _TLS_FILES and not Path(path).is_file():
            message = f"{name} must be a file that is there"
            raise ValueError(message)
    return url


def verified(url: str) -> str:
    """Give a URL for kombu, which does not look at certificates unless it is told to."""
    parts = urlsplit(url)
    if parts.scheme != "rediss" or "ssl_cert_reqs" in parse_qs(parts.query):
        return url
    query = "&".join(filter(None, [parts.query, "ssl_cert_reqs=required"]))
    return parts._replace(query=query).geturl()


def place_of(url: str) -> str:
    """Say for people where it is, without a password."""
    sentinels = SentinelAddress.of(url)
    if sentinels is not None:
        hosts = ", ".join(f"{host}:{port}" for host, port in sentinels.hosts)
        return f"{sentinels.master} of the Sentinels {hosts}"
    return f"{urlsplit(url).hostname}:{urlsplit(url).port or 6379}"


def _host(read: re.Match[str]) -> tuple[str, int]:
    return read[1].strip("[]"), int(read[2] or _SENTINEL_PORT)


def _said(text: str | None) -> str | None:
    return unquote(text) if text else None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
