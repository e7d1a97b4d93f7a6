"""Jobs in the order of their submission, page by page, without looking at all of them."""

from collections.abc import Collection
from dataclasses import dataclass
from heapq import merge
from itertools import islice

from redis import Redis

from shared.job_parts import JobState
from shared.job_scripts import PURGE
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
    """Lists jobs by state; a page costs the same however many there are."""

    def __init__(self, redis: Redis, store: JobStore) -> None:
        self._redis = redis
        self._store = store
        self._purge = redis.register_script(PURGE)

    def page(
        self, states: Collection[JobState] = (), *, limit: int, cursor: str | None = None
    ) -> Page:
        """Give the jobs in these states, or in any, that come after the cursor.

        A page may be short where records have just expired; only the cursor says that it is over.
        """
        members = self._members(states, limit, f"({cursor}" if cursor else "+")
        jobs = self._store.get_many([member.partition(":")[2] for member in members])
        return Page(
            # One may have changed its state since.
            [job for job in jobs if job is not None and (not states or job.state in states)],
            members[-1] if len(members) == limit else None,
        )

    def _members(self, states: Collection[JobState], limit: int, start: str) -> list[str]:
        # As one, and each once: a job that changes its state is in exactly one of them.
        pipeline = self._redis.pipeline()
        listings = {listed_key(state) for state in states} or {listed_key(None)}
        for key in listings:
            pipeline.zrevrangebylex(key, start, "-", start=0, num=limit)
        newest_first = merge(*pipeline.execute(), reverse=True)
        return [member.decode() for member in islice(newest_first, limit)]

    def purge(self) -> None:
        """Take the jobs whose record has expired out of the listings."""
        finals = [listed_key(state) for state in JobState if state.is_final]
        now = self._store.now().timestamp()
        while self._purge(keys=[EXPIRIES, listed_key(None), *finals], args=[now, _PURGED_AT_ONCE]):
            pass
