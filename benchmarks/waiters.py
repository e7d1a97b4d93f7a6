"""What clients cost that wait for their pictures: a thousand of them on one API process."""

import asyncio
import resource
from collections.abc import Coroutine

from benchmarks.clients import share
from benchmarks.command import Effort, run
from benchmarks.connection import Answer, Ask
from benchmarks.holding import Hold, held
from benchmarks.records import asks, end_of
from benchmarks.report import Figure, Findings, below
from benchmarks.usage import Usage
from shared.job_store import JobStore
from tests.support.stack import Stack, eventually

_FEW = 64
_PICTURE_SECONDS = 0.02
_FILES = 8192
_OK = 200


def measure(effort: Effort) -> Findings:
    """Have them wait for a worker that is held, look at the API, and let the worker go."""
    _allow_files()
    many = effort.of(1000, 100)
    with held(_PICTURE_SECONDS) as (stack, hold):
        livez = asyncio.run(_ask_beside(stack, hold, count=effort.of(2000, 100)))
    with held(_PICTURE_SECONDS) as (stack, hold):
        before = Usage.of_api(stack)
        answers, during = asyncio.run(_wait(stack, hold, many))
        delays = [_delay(stack.store, answer) for answer in answers if answer.status == _OK]
    per_client = (during.megabytes - before.megabytes) * 1000 / many
    return Findings(
        figures=(
            Figure(what="errors", value=many - len(delays), target=below(0)),
            Figure(what="memory of the API before", value=before.megabytes, unit="MB"),
            Figure(what="memory for each who waits", value=per_client, unit="kB"),
            Figure(what="threads beyond those before", value=during.threads - before.threads),
            Figure(what="connections to Redis before", value=before.connections),
            Figure(what="connections to Redis while all wait", value=during.connections),
            Figure.middle("from a job's end to the whole answer, p50", delays, "ms"),
            Figure.tail("the same, p99", delays, "ms"),
            Figure.middle(f"GET /livez while {_FEW} wait, p50", livez, "ms"),
            Figure.tail("the same, p99", livez, "ms", below(50)),
        ),
        notes=(f"{many} clients block on POST /generate; then a picture ends every 20 ms.",),
    )


async def _wait(stack: Stack, hold: Hold, clients: int) -> tuple[list[Answer], Usage]:
    """Give the answers, and what the API held while all waited."""
    waiting = asyncio.create_task(_block(stack, clients))
    await _until_all_wait(stack.store, clients)
    during = Usage.of_api(stack)
    hold.let_go()
    return await waiting, during


async def _ask_beside(stack: Stack, hold: Hold, count: int) -> list[float]:
    """Give the milliseconds of each answer of /livez while some wait."""
    waiting = asyncio.create_task(_block(stack, _FEW))
    await _until_all_wait(stack.store, _FEW)
    answers = await share(stack.url, [Ask("GET", "/livez")] * count, 1)
    hold.let_go()
    await waiting
    return [answer.expect(_OK).seconds * 1000 for answer in answers]


def _block(stack: Stack, clients: int) -> Coroutine[None, None, list[Answer]]:
    return share(stack.url, asks(clients, "/generate", size=256, steps=5), clients)


async def _until_all_wait(store: JobStore, clients: int) -> None:
    await asyncio.to_thread(
        eventually, lambda: sum(store.count().values()), until=lambda count: count == clients
    )
    await asyncio.sleep(1)  # The last has been queued, but may not wait yet.


def _delay(store: JobStore, answer: Answer) -> float:
    ended = end_of(store.get(answer.headers["x-job-id"])).timestamp()
    return (answer.ended_at - ended) * 1000


def _allow_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, most), most))


if __name__ == "__main__":
    run("waiters", __doc__, measure)
