"""A real S3 server for tests: moto's, a process of its own on loopback, with a bucket."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from scripts.ports import free_port

_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Bucket:
    """Where the bucket is, for whoever looks into it without our code."""

    endpoint: str
    name: str = "pictures"
    secrets: dict[str, str] = field(
        default_factory=lambda: {
            "AWS_ACCESS_KEY_ID": "AKIAHUNTER2",
            "AWS_SECRET_ACCESS_KEY": "hunter2-secret",
        }
    )

    @property
    def url(self) -> str:
        return f"s3://{self.name}/some/prefix"

    @property
    def environment(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": "us-east-1", **self.secrets}

    def empty(self) -> None:
        """Forget all that the server has, and make the bucket anew."""
        httpx.post(f"{self.endpoint}/moto-api/reset").raise_for_status()
        httpx.put(f"{self.endpoint}/{self.name}").raise_for_status()

    def drop(self) -> None:
        httpx.post(f"{self.endpoint}/moto-api/reset").raise_for_status()

    def put(self, key: str) -> None:
        httpx.put(f"{self.endpoint}/{self.name}/{key}", content=b"x").raise_for_status()

    def fetch(self, url: str) -> httpx.Response:
        """Look at an address as a stranger does."""
        return httpx.get(url).raise_for_status()

    def keys(self) -> list[str]:
        listing = httpx.get(f"{self.endpoint}/{self.name}").raise_for_status().text
        return [part.partition("</Key>")[0] for part in listing.split("<Key>")[1:]]


@contextmanager
def running_s3(folder: Path, port: int | None = None) -> Iterator[Bucket]:
    """Start a server with an empty bucket; stop exactly this one at the end."""
    port = port or free_port()
    command = (sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port))
    with (folder / "s3.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        bucket = Bucket(f"http://127.0.0.1:{port}")
        _wait_until_it_answers(bucket)
        bucket.empty()
        yield bucket
    finally:
        process.terminate()
        process.wait(timeout=_PATIENCE_SECONDS)


def _wait_until_it_answers(bucket: Bucket) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            httpx.get(bucket.endpoint)
        except httpx.TransportError:
            assert time.monotonic() < deadline, "the S3 server does not answer; see s3.log"
            time.sleep(0.05)
        else:
            return
