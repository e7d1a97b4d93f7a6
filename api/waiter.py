"""Waiting for jobs to end: one subscription for all who wait, no thread or connection for each."""

import asyncio
from collections import defaultdict
from time import monotonic

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool

from shared.errors import ServerStopping
from shared.job_parts import JobState
from shared.job_store import CHANGES_CHANNEL, JobStore
from shared.jobs import Job
from shared.log import get_logger
from shared.redis_client import CONNECT_TIMEOUT_SECONDS

_log = get_logger(__name__)

_FINAL_STATES = frozenset(state.value for state in JobState if state.is_final)
_RECONNECT_SECONDS = 0.5
_BATCH = 200


class Waiter:
    """Wakes those who wait for a job when it has ended.

    A message is only a hint: the record is read again when one comes, at every (re)subscription,
    and every few seconds in case one was lost.
    """

    def __init__(self, redis_url: str, store: JobStore, *, sweep_seconds: float = 5.0) -> None:
        self._redis_url = redis_url
        self._store = store
        self._waiting: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self._stopping = False
        self._sweep_seconds = sweep_seconds

    async def wait(self, job_id: str) -> Job:
        """Wait until the job has ended, without end; the caller sets the limit.

        Raises:
            JobNotFound: There was never such a job.
            JobExpired: It ended, and its record is gone.
            ServerStopping: This process is being stopped; the job goes on.
        """
        while True:
            # Registered before the record is read, so that no end falls between the two.
            woken = asyncio.get_running_loop().create_future()
            self._waiting[job_id].add(woken)
            try:
                job = await self._look(job_id)
                if job is not None and job.state.is_final:
                    return job
                if self._stopping:
                    raise ServerStopping(job_id)
                await woken
            finally:
                self._forget(job_id, woken)

    async def _look(self, job_id: str) -> Job | None:
        try:
            return await run_in_threadpool(self._store.get, job_id)
        except RedisError:
            return None  # The job goes on; the next subscription looks again.

    async def run(self) -> None:
        """Listen until canceled, over as many connections as Redis makes necessary."""
        redis = Redis.from_url(
            self._redis_url, socket_connect_timeout=CONNECT_TIMEOUT_SECONDS, socket_keepalive=True
        )
        async with redis:
            while True:
                try:
                    async with redis.pubsub(ignore_subscribe_messages=True) as subscription:
                        await subscription.subscribe(CHANGES_CHANNEL)
                        await self._listen(subscription)
                except (RedisError, OSError) as error:
                    _log.warning("subscription lost", reason=type(error).__name__)
                except Exception:  # noqa: BLE001  # Nothing may end all waiting.
                    _log.exception("subscription lost")
                await asyncio.sleep(_RECONNECT_SECONDS)

    def stop(self) -> None:
        """Wake everybody: those whose job has not ended are told that the server stops."""
        self._stopping = True
        for job_id in list(self._waiting):
            self._wake(job_id)

    async def _listen(self, subscription: PubSub) -> None:
        swept = 0.0
        while True:
            if monotonic() - swept > self._sweep_seconds:
                await self._sweep()
                swept = monotonic()
            message = await subscription.get_message(timeout=self._sweep_seconds)
            if message is not None:
                job_id, _, state = message["data"].decode(errors="replace").partition(" ")
                if state in _FINAL_STATES:
                    self._wake(job_id)

    async def _sweep(self) -> None:
        ids = list(self._waiting)
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            jobs = await run_in_threadpool(self._store.get_many, batch)
            for job_id, job in zip(batch, jobs, strict=True):
                if job is None or job.state.is_final:
                    self._wake(job_id)

    def _wake(self, job_id: str) -> None:
        for woken in self._waiting.get(job_id, ()):
            if not woken.done():
                woken.set_result(None)

    def _forget(self, job_id: str, woken: asyncio.Future[None]) -> None:
        self._waiting[job_id].discard(woken)
        if not self._waiting[job_id]:
            del self._waiting[job_id]
