"""Arq, as its documentation has it; BENCH_POLL is the worker's poll delay in seconds.

python -m benchmarks.others.arq_alone work | ask
"""

import asyncio
import os
import sys

from arq import create_pool, run_worker
from arq.connections import RedisSettings

from benchmarks.others.probe import answer

_POLL_SECONDS = float(os.environ.get("BENCH_POLL", "0.5"))
_QUEUE = f"bench:arq:{_POLL_SECONDS}"


async def nothing(_: object) -> str:
    """Do nothing."""
    return "done"


class WorkerSettings:
    """What arq reads."""

    functions = (nothing,)
    redis_settings = RedisSettings.from_dsn(os.environ["REDIS_URL"])
    queue_name = _QUEUE
    poll_delay = _POLL_SECONDS


def main() -> None:
    """Be the worker, or the one who asks it."""
    if sys.argv[1] == "work":
        run_worker(WorkerSettings)
        return
    with asyncio.Runner() as runner:
        pool = runner.run(create_pool(WorkerSettings.redis_settings, default_queue_name=_QUEUE))

        async def trip() -> None:
            job = await pool.enqueue_job("nothing")
            assert job is not None
            await job.result(timeout=60, poll_delay=0.001)

        answer(lambda: runner.run(trip()))


if __name__ == "__main__":
    main()
