"""Jobs in Redis: the one truth about them, changed by one atomic compare-and-set.

| key | what |
| --- | --- |
| `semantic-bit:job:{id}` | the record, as JSON; expires only once it is final |
| `semantic-bit:ended:{id}` | remembers, for longer than the record, that the job was there |
| `semantic-bit:queued` | sorted set of the ids that wait, by the time of their submission |
| `semantic-bit:held` | sorted set of the ids that a worker holds, by the end of the lease |
| `semantic-bit:idempotency:{hash}` | what an idempotency key leads to; expires with its job |
| `semantic-bit:changes` | channel that says `{id} {state}` at every change |
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict
from redis import Redis

from shared.errors import JobExpired, JobNotFound, LeaseRenewed
from shared.job_parts import JobState
from shared.job_scripts import ADD, SWAP
from shared.jobs import Job

PREFIX = "semantic-bit:"
CHANGES_CHANNEL = f"{PREFIX}changes"
_QUEUED = f"{PREFIX}queued"
_HELD = f"{PREFIX}held"

# How much longer than its record Redis remembers that a job was there, to answer 410 and not 404.
_ENDED_TTL_FACTOR = 24

Transition = Callable[[Job, datetime], Job]
"""From a job and the time on Redis' clock to the job as it is then; pure."""


class AdmissionRefused(Exception):
    """As many jobs wait and run as may."""


class IdempotencyClaim(BaseModel):
    """What an idempotency key leads to, until its job expires."""

    model_config = ConfigDict(frozen=True)

    job_id: str
    fingerprint: str
    """Hash of the request that came with the key first."""


class JobStore:
    """Keeps jobs; every time in them is Redis' own, so the clocks of machines do not matter.

    All methods raise `redis.exceptions.RedisError` where Redis does not answer.
    """

    def __init__(self, redis: Redis, *, result_ttl: int, lease_seconds: float) -> None:
        self._redis = redis
        self._add = redis.register_script(ADD)
        self._swap = redis.register_script(SWAP)
        self._result_ttl = result_ttl
        self._lease = timedelta(seconds=lease_seconds)

    def now(self) -> datetime:
        """Give the time on Redis' clock."""
        return _as_datetime(self._redis.time())

    def add(
        self,
        job: Job,
        *,
        limit: int,
        claim: IdempotencyClaim | None = None,
        replaces: IdempotencyClaim | None = None,
    ) -> IdempotencyClaim | None:
        """Keep a new job, or give the claim that its idempotency key has already met.

        `claim` is what the job's idempotency key is to lead to, `replaces` what it may lead to now.

        Raises:
            AdmissionRefused: `limit` jobs wait or run already.
        """
        answer: bytes = self._add(
            keys=[_record_key(job.id), _QUEUED, _HELD, _idempotency_key(job.idempotency)],
            args=[
                job.model_dump_json(),
                job.id,
                job.state,
                CHANGES_CHANNEL,
                job.created_at.timestamp(),
                limit,
                claim.model_dump_json() if claim else "",
                replaces.model_dump_json() if replaces else "",
            ],
        )
        if answer == b"full":
            raise AdmissionRefused
        return None if answer == b"done" else IdempotencyClaim.model_validate_json(answer)

    def claim_of(self, idempotency: str) -> IdempotencyClaim | None:
        """Give what an idempotency key leads to, or None for one that was never used."""
        claim = self._redis.get(_idempotency_key(idempotency))
        return IdempotencyClaim.model_validate_json(claim) if claim else None

    def get(self, job_id: str) -> Job:
        """Give a job.

        Raises:
            JobNotFound: There was never such a job.
            JobExpired: It ended, and its record is gone.
        """
        record, ended = self._redis.mget(_record_key(job_id), _ended_key(job_id))
        return _parse(job_id, record, ended)

    def get_many(self, job_ids: Sequence[str]) -> list[Job | None]:
        """Give several jobs in one round trip; None for those that are not there."""
        if not job_ids:
            return []
        records = self._redis.mget([_record_key(job_id) for job_id in job_ids])
        return [Job.model_validate_json(record) if record else None for record in records]

    def update(self, job_id: str, transition: Transition) -> Job:
        """Apply a transition to a job as one compare-and-set.

        Raises:
            JobNotFound: There was never such a job.
            JobExpired: It ended, and its record is gone.
            TransitionRefused: The transition does not apply to the job as it is; nothing changed.
        """
        return self._update(job_id, transition)

    def hold(self, job_id: str, transition: Transition) -> Job:
        """Apply a transition of the attempt that holds the job, and renew its lease with it."""
        return self._update(job_id, transition, renews=True)

    def update_lost(self, job_id: str, transition: Transition) -> Job:
        """Apply a transition to a job whose lease has run out.

        Raises:
            LeaseRenewed: It has not, or not any more.
        """
        return self._update(job_id, transition, only_lost=True)

    def _update(
        self, job_id: str, transition: Transition, *, renews: bool = False, only_lost: bool = False
    ) -> Job:
        while True:
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.mget(_record_key(job_id), _ended_key(job_id))
            pipeline.time()
            (record, ended), clock = pipeline.execute()
            now = _as_datetime(clock)
            job = _parse(job_id, record, ended)
            changed = transition(job, now)
            if changed is job and not renews:
                return job
            answer = self._write(
                changed,
                expected=record,
                now=now,
                renews=renews or not job.state.is_held,
                lost_by=now if only_lost else None,
            )
            if answer == b"renewed":
                raise LeaseRenewed(job_id)
            if answer == b"done":
                return changed

    def position(self, job_id: str) -> int | None:
        """Give how many jobs wait before this one; None where it does not wait."""
        rank = self._redis.zrank(_QUEUED, job_id)
        return rank if isinstance(rank, int) else None

    def count(self) -> dict[JobState, int]:
        """Count the jobs that wait and those that a worker holds."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.zcard(_QUEUED)
        pipeline.zcard(_HELD)
        queued, held = pipeline.execute()
        return {JobState.QUEUED: queued, JobState.RUNNING: held}

    def queued_ids(self) -> list[str]:
        """Give the ids of the jobs that wait, next first."""
        return _as_ids(self._redis.zrange(_QUEUED, 0, -1))

    def unfinished_ids(self, *, older_than: timedelta) -> list[str]:
        """Give the ids of unfinished jobs, of those that wait only the ones this old."""
        oldest = (self.now() - older_than).timestamp()
        return _as_ids(self._redis.zrangebyscore(_QUEUED, "-inf", oldest)) + self.held_ids()

    def forget(self, job_id: str) -> None:
        """Drop the id of a job whose record is gone from the indexes."""
        pipeline = self._redis.pipeline()
        pipeline.zrem(_QUEUED, job_id)
        pipeline.zrem(_HELD, job_id)
        pipeline.execute()

    def held_ids(self) -> list[str]:
        """Give the ids of the jobs that a worker holds."""
        return _as_ids(self._redis.zrange(_HELD, 0, -1))

    def lost_ids(self) -> list[str]:
        """Give the ids of the jobs whose lease has run out."""
        return _as_ids(self._redis.zrangebyscore(_HELD, "-inf", self.now().timestamp()))

    def _write(
        self, job: Job, *, expected: bytes, now: datetime, renews: bool, lost_by: datetime | None
    ) -> bytes:
        final = job.state.is_final
        lease_end = (now + self._lease).timestamp() if renews else "kept"
        answer: bytes = self._swap(
            keys=[
                _record_key(job.id),
                _ended_key(job.id),
                _QUEUED,
                _HELD,
                _idempotency_key(job.idempotency),
            ],
            args=[
                expected,
                job.model_dump_json(),
                job.id,
                job.state,
                CHANGES_CHANNEL,
                job.created_at.timestamp() if job.state is JobState.QUEUED else "",
                lease_end if job.state.is_held else "",
                self._result_ttl if final else "",
                self._result_ttl * _ENDED_TTL_FACTOR if final else "",
                lost_by.timestamp() if lost_by else "",
            ],
        )
        return answer


def _record_key(job_id: str) -> str:
    return f"{PREFIX}job:{job_id}"


def _ended_key(job_id: str) -> str:
    return f"{PREFIX}ended:{job_id}"


def _idempotency_key(idempotency: str | None) -> str:
    return f"{PREFIX}idempotency:{idempotency or ''}"


def _parse(job_id: str, record: bytes | str | None, ended: bytes | str | None) -> Job:
    if record is not None:
        return Job.model_validate_json(record)
    if ended is not None:
        raise JobExpired(job_id)
    raise JobNotFound(job_id)


def _as_datetime(clock: tuple[int, int]) -> datetime:
    seconds, microseconds = clock
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)


def _as_ids(members: Iterable[object]) -> list[str]:
    return [member.decode() for member in members if isinstance(member, bytes)]
