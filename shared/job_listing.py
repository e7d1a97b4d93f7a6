"""Jobs in the order of their submission, page by page, without looking at all of them."""

from collections.abc import Collection
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any

from redis import Redis

from shared.job_parts import JobState
from shared.job_store import JobStore
from shared.jobs import Job
from shared.keys import EXPIRIES, listed_key

_PURGED_AT_ONCE = 1000


@dataclass(frozen=True)
class Page:
    """Some jobs, newest first, and the cursor of the next page; None where there is none."""

    jobs: list[Job]
    next_cursor: str | None


class JobListing:
    """Lists an owner's jobs by state; a page costs the same however many there are."""

    def __init__(self, redis: Redis, store: JobStore) -> None:
        self._redis = redis
        self._store = store

    def page(
        self,
        owner: str,
        states: Collection[JobState] = (),
        *,
        limit: int,
        cursor: str | None = None,
    ) -> Page:
        """Give the jobs in these states, or in any, that come after the cursor.

        A page may be short where records have just expired; only the cursor says that it is over.
        """
        keys = [listed_key(owner, state) for state in set(states)]
        keys = keys or [listed_key(owner, None)]
        members = self._members(keys, limit, f"({cursor}" if cursor else "+")
        jobs = self._store.get_many([member.partition(":")[2] for member in members])
        return Page(
            # One may have changed its state since.
            [job for job in jobs if job is not None and (not states or job.state in states)],
            members[-1] if len(members) == limit else None,
        )

    def _members(self, keys: list[str], limit: int, start: str) -> list[str]:
        # As one, and each once: a job that changes its state is in exactly one of them.
        pipeline = self._redis.pipeline()
        for key in keys:
            pipeline.zrevrangebylex(key, start, "-", start=0, num=limit)
        newest_first = merge(*pipeline.execute(), reverse=True)
        return [member.decode() for member in islice(newest_first, limit)]

    def purge(self) -> None:
        """Take the jobs whose record has expired out of the listings."""
        now = self._store.now().timestamp()
        while expired := self._expired(now):
            pipeline = self._redis.pipeline()
            for entry in expired:
                member, _, owner = str(entry, "utf-8").partition(" ")
                for state in (None, *_FINAL):
                    pipeline.zrem(listed_key(owner, state), member)
            pipeline.zrem(EXPIRIES, *expired)
            pipeline.execute()

    def _expired(self, now: float) -> list[bytes]:
        expired: Any = self._redis.zrangebyscore(EXPIRIES, "-inf", now, 0, _PURGED_AT_ONCE)
        return list(expired)


_FINAL = [state for state in JobState if state.is_final]
