"""Is the service there, does it let us in, and does it have a worker that paints."""

from collections.abc import AsyncIterator

from pydantic import BaseModel

from scripts.cli.client import Client
from scripts.cli.failures import Failure, Unauthorized, Unreachable
from scripts.cli.findings import Finding, broken, doubtful, good
from shared import SERVICE_NAME, VERSION
from shared.generation import Build
from shared.worker_registry import WorkerState


class Card(BaseModel):
    """What answers."""

    service: str
    version: str


class Worker(BaseModel):
    """A worker, as /health tells of it."""

    worker: str
    state: WorkerState
    build: Build | None


class Health(BaseModel):
    """Whether a picture can be made now."""

    workers: list[Worker]
    reason: str | None


async def check_service(client: Client) -> AsyncIterator[Finding]:
    """Look at the API from outside."""
    try:
        card = await client.ask("/", Card)
    except Failure as failure:
        yield broken("api", failure.message, failure.hint)
        return
    yield _check_card(card, client.url)
    yield await _check_key(client)
    health = await client.ask("/health", Health)
    for worker in health.workers:
        yield _check_worker(worker)
    if not health.workers:
        hint = "./run.sh starts one with the rest; alone it is python -m worker.main"
        yield broken("worker", health.reason or "no worker is running", hint)


def _check_card(card: Card, url: str) -> Finding:
    if card.service != SERVICE_NAME:
        return broken("api", f"{card.service} answers at {url}", "set PORT or --url to ours")
    if card.version != VERSION:
        detail = f"{url} is version {card.version}, this program {VERSION}"
        return doubtful("api", detail, "update the older one")
    return good("api", f"{url}, version {card.version}")


async def _check_key(client: Client) -> Finding:
    try:
        async for _ in client.jobs(page=1):
            break
    except Unauthorized as failure:
        return broken("key", failure.message, failure.hint)
    except Unreachable as failure:
        return broken("key", f"not known: {failure.message}", "see redis")
    except Failure as failure:
        return doubtful("key", failure.message, failure.hint)
    return good("key", "lets us in")


def _check_worker(worker: Worker) -> Finding:
    if worker.build is None or worker.state is not WorkerState.READY:
        return doubtful("worker", f"{worker.worker} is loading its model", "wait a moment")
    build = worker.build
    return good(
        "worker", f"{worker.worker} paints with {build.model}, {build.dtype} on {_on(build)}"
    )


def _on(build: Build) -> str:
    return build.device if build.device_name == build.device else build.device_name
