"""Telling each change of a job once, in the process that has made it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from redis.exceptions import RedisError

from shared.jobs import Job

Tell = Callable[[Job | None, Job], None]
"""Hears of a change, from the job before it (None for a new one) to the job after it."""


def tell_nobody(_before: Job | None, _after: Job) -> None:
    """Do nothing."""


class Witness:
    """Tells what was written, also where the reply to the write was lost on its way."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._in_doubt: dict[str, tuple[Job | None, Job]] = {}

    @contextmanager
    def watch(self, before: Job | None, after: Job) -> Iterator[None]:
        """Keep the change in mind where its write raises: it may have been made all the same."""
        try:
            yield
        except RedisError:
            if before is None or before.state is not after.state:
                self._in_doubt[after.id] = before, after
            raise

    def written(self, before: Job | None, after: Job) -> None:
        """Tell a change that was made."""
        if after is not before:
            self._tell(before, after)

    def seen(self, job_id: str, job: Job | None) -> None:
        """Tell the change in doubt if the job is as it left it; forget it in any case."""
        before, after = self._in_doubt.pop(job_id, (None, None))
        if after is None or job is None:
            return
        if before is None or _mark(after) == _mark(job):
            self._tell(before, after)

    def in_doubt(self) -> list[str]:
        """Give the ids of the jobs to look at again."""
        return list(self._in_doubt)


def _mark(job: Job) -> tuple[object, ...]:
    # Tokens and times, each of them the writer's own, tell a change from the same by another.
    return job.state, job.token, job.attempts, job.cancellation, job.finished_at
