"""Redis as others run it: behind TLS, and with a replica and a Sentinel that fail over."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from redis import Redis
from redis.exceptions import RedisError

from scripts.embedded_redis import find_server
from scripts.ports import free_port

PASSWORD = "hunter2/ü:@"
_PATIENCE_SECONDS = 20


@dataclass(frozen=True)
class TlsRedis:
    """A server that talks TLS only, and who vouches for it."""

    address: str
    authority: Path

    @property
    def url(self) -> str:
        return f"{self.address}?ssl_ca_certs={self.authority}"


@dataclass(frozen=True)
class SentinelRedis:
    """A master and a replica, and the Sentinel that knows which is which."""

    url: str
    servers: tuple[subprocess.Popen[bytes], ...]
    """The first master first."""

    sentinel: Redis

    @property
    def master_port(self) -> int:
        masters: Any = self.sentinel.sentinel_masters()
        return int(masters["jobs"]["port"])

    @property
    def replicas(self) -> list[str]:
        """Give the state of the replica's link to its master."""
        found = self.sentinel.sentinel_slaves("jobs")
        return [str(replica.get("master-link-status")) for replica in found]


@contextmanager
def running_tls_redis(folder: Path) -> Iterator[TlsRedis]:
    """Start a server with a certificate of its own authority; skip where its program has no TLS."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    port = free_port()
    options = {
        "port": 0,
        "tls-port": port,
        "tls-cert-file": folder / "server.pem",
        "tls-key-file": folder / "server.pem",
        "tls-ca-cert-file": folder / "ca.pem",
        "tls-auth-clients": "no",
    }
    server = TlsRedis(f"rediss://127.0.0.1:{port}/0", folder / "ca.pem")
    with _running(folder, options) as process, Redis.from_url(server.url) as redis:
        _wait_for(redis, process)
        yield server


@contextmanager
def running_sentinel(folder: Path) -> Iterator[SentinelRedis]:
    """Start three servers; a master that is silent for half a second is given up."""
    master, replica, sentinel = free_port(), free_port(), free_port()
    login = {"requirepass": PASSWORD, "masterauth": PASSWORD}
    following = {"replicaof": f"127.0.0.1 {master}", "repl-diskless-sync-delay": 0}
    watching = [
        f"sentinel monitor jobs 127.0.0.1 {master} 1",
        f'sentinel auth-pass jobs "{PASSWORD}"',
        "sentinel down-after-milliseconds jobs 500",
        "sentinel failover-timeout jobs 5000",
    ]
    with ExitStack() as stack:
        servers = tuple(
            stack.enter_context(_running(folder / name, {"port": port, **login, **more}))
            for name, port, more in (
                ("master", master, {"repl-diskless-sync-delay": 0}),
                ("replica", replica, following),
            )
        )
        for port, process in zip((master, replica), servers, strict=True):
            _wait_for(stack.enter_context(Redis(port=port, password=PASSWORD)), process)
        options = {"port": sentinel, "requirepass": "sentinels"}
        watch = stack.enter_context(_running(folder / "sentinel", options, watching, "--sentinel"))
        asked = stack.enter_context(Redis(port=sentinel, password="sentinels"))
        _wait_for(asked, watch)
        login_text = "hunter2%2F%C3%BC%3A%40"
        address = f"sentinel://:{login_text}@127.0.0.1:{sentinel}/jobs/0"
        yield SentinelRedis(f"{address}?sentinel_password=sentinels", servers, asked)


@contextmanager
def _running(
    folder: Path, options: dict[str, object], more: Sequence[str] = (), mode: str = ""
) -> Iterator[subprocess.Popen[bytes]]:
    folder.mkdir(exist_ok=True)
    configuration = folder / "redis.conf"
    lines = [f'{name} "{value}"' for name, value in options.items() if name != "replicaof"]
    lines += [f"replicaof {options['replicaof']}"] if "replicaof" in options else []
    always = ["bind 127.0.0.1", f'dir "{folder}"', *([] if mode else ['save ""'])]
    configuration.write_text("\n".join([*always, *lines, *more]) + "\n")
    try:
        command = [find_server(), str(configuration), *filter(None, [mode])]
    except LookupError as error:
        pytest.skip(str(error))
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=_PATIENCE_SECONDS)


def _wait_for(redis: Redis, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            redis.ping()
        except RedisError:
            if process.poll() is not None:
                pytest.skip("this program of Redis cannot do it")
            assert time.monotonic() < deadline, "Redis does not answer; see redis.log"
            time.sleep(0.05)
        else:
            return
