import asyncio
import threading

import anyio.to_thread
import httpx
import pytest
from redis import Redis
from starlette.concurrency import run_in_threadpool

from api.main import create_app
from shared.job_parts import JobState
from shared.job_store import JobStore
from shared.settings import Settings
from tests.contract.serving import announce, working
from tests.unit.eventually import PATIENCE_SECONDS, eventually

CLIENTS = 200
REQUEST = {"prompt": "a red apple", "num_inference_steps": 5, "width": 256, "height": 256}
# FastAPI's own threads, and a few that connect or reap.
THREADS_OF_A_PROCESS = 40 + 10
# The client's pool, the subscription, the watch, Celery's pool with up to two for each of its ten.
CONNECTIONS_OF_A_PROCESS = 16 + 2 + 2 * 10


async def generate(client: httpx.AsyncClient, seed: int) -> str:
    response = await client.post("/generate", json={**REQUEST, "seed": seed})
    assert response.status_code == 200, response.text
    return response.headers["x-seed"]


async def nobody_holds_a_thread() -> None:
    limiter = anyio.to_thread.current_default_thread_limiter()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while limiter.borrowed_tokens:  # noqa: ASYNC110  # The limiter tells nobody.
            await asyncio.sleep(0)


@pytest.mark.anyio
@pytest.mark.usefixtures("clean_environment", "restored_logging")
class TestManyWaiting:
    async def test_hold_neither_a_thread_nor_a_connection_each_and_all_get_their_picture(
        self, redis: Redis, redis_url: str, store: JobStore
    ) -> None:
        settings = Settings(_env_file=None, redis_url=redis_url, max_concurrent_requests=CLIENTS)
        announce(redis)
        app = create_app(settings)
        threads, connections = threading.active_count(), len(redis.client_list())
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://test", timeout=60) as client,
        ):
            waiting = [asyncio.create_task(generate(client, seed)) for seed in range(CLIENTS)]
            await run_in_threadpool(
                lambda: eventually(
                    lambda: store.count()[JobState.QUEUED], until=lambda count: count == CLIENTS
                )
            )
            await nobody_holds_a_thread()
            assert not any(task.done() for task in waiting)
            assert threading.active_count() - threads <= THREADS_OF_A_PROCESS
            assert len(redis.client_list()) - connections <= CONNECTIONS_OF_A_PROCESS
            with working(redis):
                seeds = await asyncio.gather(*waiting)
        assert seeds == [str(seed) for seed in range(CLIENTS)]
