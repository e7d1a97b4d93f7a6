"""Jobs in Redis: the one truth about them, changed by one atomic compare-and-set.

| key | what |
| --- | --- |
| `semantic-bit:job:{id}` | the record, as JSON; expires only once it is final |
| `semantic-bit:ended:{id}` | remembers, for longer than the record, that the job was there |
| `semantic-bit:queued` | sorted set of the ids that wait, by the time of their submission |
| `semantic-bit:held` | sorted set of the ids that a worker holds, by the end of the lease |
| `semantic-bit:changes` | channel that says `{id} {state}` at every change |
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from redis import Redis

from shared.errors import JobExpired, JobNotFound
from shared.jobs import Job, JobState

PREFIX = "semantic-bit:"
CHANGES_CHANNEL = f"{PREFIX}changes"
_QUEUED = f"{PREFIX}queued"
_HELD = f"{PREFIX}held"

# How much longer than its record Redis remembers that a job was there, to answer 410 and not 404.
_ENDED_TTL_FACTOR = 24

# Write a record if it is still the one that was read (empty: not there), and keep the indexes
# and the subscribers in step with it, as one. A write repeated after a lost reply is done already.
_SWAP = """
local record, ended, queued, held = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local expected, changed, id, state, channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local queued_at, lease_end, ttl, ended_ttl, limit = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]

local current = redis.call('GET', record) or ''
if current == changed and expected ~= changed then return 'done' end
if current ~= expected then return 'changed' end
if limit ~= '' and redis.call('ZCARD', queued) + redis.call('ZCARD', held) >= tonumber(limit) then
  return 'full'
end

local function index(key, score)
  if score == '' then redis.call('ZREM', key, id) else redis.call('ZADD', key, score, id) end
end
index(queued, queued_at)
index(held, lease_end)
if ttl == '' then
  redis.call('SET', record, changed)
else
  redis.call('SET', record, changed, 'EX', ttl)
  redis.call('SET', ended, state, 'EX', ended_ttl)
end
if expected ~= changed then redis.call('PUBLISH', channel, id .. ' ' .. state) end
return 'done'
"""

Transition = Callable[[Job, datetime], Job]
"""From a job and the time on Redis' clock to the job as it is then; pure."""


class JobStore:
    """Keeps jobs; every time in them is Redis' own, so the clocks of machines do not matter.

    All methods raise `redis.exceptions.RedisError` where Redis does not answer.
    """

    def __init__(self, redis: Redis, *, result_ttl: int, lease_seconds: float) -> None:
        self._redis = redis
        self._swap = redis.register_script(_SWAP)
        self._result_ttl = result_ttl
        self._lease = timedelta(seconds=lease_seconds)

    def now(self) -> datetime:
        """Give the time on Redis' clock."""
        return _as_datetime(self._redis.time())

    def add(self, job: Job, *, limit: int) -> bool:
        """Keep a new job, unless `limit` jobs wait or run already; say whether it was kept."""
        return self._write(job, expected=b"", now=job.created_at, limit=str(limit)) == b"done"

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
        """Apply a transition to a job as one compare-and-set; whoever holds it renews its lease.

        Raises:
            JobNotFound: There was never such a job.
            JobExpired: It ended, and its record is gone.
            TransitionRefused: The transition does not apply to the job as it is; nothing changed.
        """
        while True:
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.mget(_record_key(job_id), _ended_key(job_id))
            pipeline.time()
            (record, ended), clock = pipeline.execute()
            now = _as_datetime(clock)
            job = _parse(job_id, record, ended)
            changed = transition(job, now)
            if changed is job and not job.state.is_held:
                return job
            if self._write(changed, expected=record, now=now) == b"done":
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

    def lost_ids(self) -> list[str]:
        """Give the ids of the jobs whose lease has run out."""
        return _as_ids(self._redis.zrangebyscore(_HELD, "-inf", self.now().timestamp()))

    def _write(self, job: Job, *, expected: bytes, now: datetime, limit: str = "") -> bytes:
        final = job.state.is_final
        answer: bytes = self._swap(
            keys=[_record_key(job.id), _ended_key(job.id), _QUEUED, _HELD],
            args=[
                expected,
                job.model_dump_json(),
                job.id,
                job.state,
                CHANGES_CHANNEL,
                job.created_at.timestamp() if job.state is JobState.QUEUED else "",
                (now + self._lease).timestamp() if job.state.is_held else "",
                self._result_ttl if final else "",
                self._result_ttl * _ENDED_TTL_FACTOR if final else "",
                limit,
            ],
        )
        return answer


def _record_key(job_id: str) -> str:
    return f"{PREFIX}job:{job_id}"


def _ended_key(job_id: str) -> str:
    return f"{PREFIX}ended:{job_id}"


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
