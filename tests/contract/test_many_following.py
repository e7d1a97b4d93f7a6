import asyncio
import threading
from contextlib import AsyncExitStack

import pytest
from redis import Redis

from api.main import create_app
from shared.job_events import EventType
from shared.job_store import JobStore
from shared.settings import Settings
from tests.contract.serving import working
from tests.support.builders import STEPS, store_job
from tests.support.followers import following
from tests.support.pipelines import PaintsOnCommand

CLIENTS = 500
JOBS = ("a", "b")
# The pool that runs what is synchronous, and a few that connect or reap.
THREADS_OF_A_PROCESS = 40 + 10
# The client's pool, the subscription, the watch, the reaper's look at the queue.
CONNECTIONS_OF_A_PROCESS = 16 + 2 + 2


@pytest.mark.anyio
@pytest.mark.usefixtures("clean_environment", "restored_logging")
class TestManyFollowing:
    async def test_share_one_subscription_and_all_hear_the_end(
        self, redis: Redis, redis_url: str, store: JobStore
    ) -> None:
        app = create_app(Settings(_env_file=None, redis_url=redis_url))
        feeds = app.state.services.feeds
        for job_id in JOBS:
            store_job(store, job_id)
        threads, connections = threading.active_count(), len(redis.client_list())
        tasks = asyncio.all_tasks()
        async with app.router.lifespan_context(app), AsyncExitStack() as stack:
            followers = [
                await stack.enter_async_context(following(feeds, JOBS[number % len(JOBS)]))
                for number in range(CLIENTS)
            ]
            for follower in followers:
                await follower.hears(EventType.QUEUED)
            assert threading.active_count() - threads <= THREADS_OF_A_PROCESS
            assert len(redis.client_list()) - connections <= CONNECTIONS_OF_A_PROCESS
            pipeline = PaintsOnCommand()
            with working(redis, pipeline):
                for job_id in JOBS:
                    app.state.services.queue.put(store.get(job_id))
                pipeline.go_on(len(JOBS) * (STEPS + 1))
                for follower in followers:
                    await follower.end()
        for number, job_id in enumerate(JOBS):
            of_the_job = followers[number :: len(JOBS)]
            assert {follower.heard[-1].data["id"] for follower in of_the_job} == {job_id}
            (kept,) = {tuple(follower.kept) for follower in of_the_job}
            assert kept[-1][1] == "succeeded"
        assert asyncio.all_tasks() == tasks
