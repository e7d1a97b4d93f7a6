"""Jobs in Redis: the one truth about them, changed by one atomic compare-and-set."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from redis import Redis

from shared.errors import JobExpired, JobNotFound, LeaseRenewed
from shared.job_events import events_of
from shared.job_parts import JobState, Priority
from shared.job_scripts import ADD, CLAIM_DELIVERIES, RELEASE, SWAP
from shared.jobs import Job
from shared.keys import (
    CHANGES_CHANNEL,
    DELIVERIES,
    ENDS_CHANNEL,
    EXPIRIES,
    HELD,
    QUEUED,
    SENT,
    TURNS,
    WAITING,
    WORK,
    ended_key,
    events_key,
    idempotency_key,
    listed_key,
    record_key,
)
from shared.pace import Work
from shared.witness import Tell, Witness, tell_nobody
from shared.worker_groups import WorkerGroup

# Longer than a delivery takes, also where several wait for their turn.
_DELIVERY_AGAIN = timedelta(minutes=1)

# How much longer than its record Redis remembers that a job was there, to answer 410 and not 404.
_ENDED_TTL_FACTOR = 24

EVENTS_KEPT = 256
"""Of one job: more than three attempts with all steps and previews."""

_UNFINISHED = [state for state in JobState if not state.is_final]
_FIRST_TURN = {Priority.NORMAL: 0.0, Priority.LOW: 1e12}
"""The turns of the second queue come after all those of the first."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Transition = Callable[[Job, datetime], Job]
"""From a job and the time on Redis' clock to the job as it is then; pure."""


class AdmissionRefused(Exception):
    """As many jobs wait and run as may."""


class OwnLimitReached(Exception):
    """As many jobs of this owner wait and run as may."""


class IdempotencyClaim(BaseModel):
    """What an idempotency key leads to, until its job expires."""

    model_config = ConfigDict(frozen=True)

    job_id: str
    fingerprint: str
    """Hash of the request that came with the key first."""


@dataclass(frozen=True)
class Added:
    """What has become of a new job."""

    known: IdempotencyClaim | None
    """What its idempotency key has already met; None where the job is kept."""

    released: Mapping[str, str]
    """The ids whose messages are to be sent now; see `JobStore.release`."""


class JobStore:
    """Keeps jobs; every time in them is Redis' own, so the clocks of machines do not matter.

    All methods raise `redis.exceptions.RedisError` where Redis does not answer.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        result_ttl: int,
        lease_seconds: float,
        events_kept: int = EVENTS_KEPT,
        tell: Tell = tell_nobody,
    ) -> None:
        """Take the parts; `tell` hears once of each change that this store writes."""
        self._redis = redis
        self._add = redis.register_script(ADD)
        self._swap = redis.register_script(SWAP)
        self._claim_deliveries = redis.register_script(CLAIM_DELIVERIES)
        self._release = redis.register_script(RELEASE)
        self._result_ttl = result_ttl
        self._lease = timedelta(seconds=lease_seconds)
        self._events_kept = events_kept
        self._witness = Witness(tell)

    def now(self) -> datetime:
        """Give the time on Redis' clock."""
        return as_datetime(self._redis.time())

    def add(
        self,
        job: Job,
        *,
        limit: int,
        own_limit: int | None = None,
        claim: IdempotencyClaim | None = None,
        replaces: IdempotencyClaim | None = None,
        groups: Sequence[WorkerGroup] = (),
    ) -> Added:
        """Keep a new job, or give the claim that its idempotency key has already met.

        `claim` is what the job's idempotency key is to lead to, `replaces` what it may lead to now.
        Once the job is kept, the messages for `groups` are released with it, as `release` does.

        Raises:
            AdmissionRefused: `limit` jobs wait or run already.
            OwnLimitReached: `own_limit` jobs of the same owner do.
        """
        with self._witness.watch(None, job):
            added = self._keep(job, limit, own_limit, claim=claim, replaces=replaces, groups=groups)
        if added.known is None:
            self._witness.written(None, job)
        return added

    def _keep(
        self,
        job: Job,
        limit: int,
        own_limit: int | None,
        *,
        claim: IdempotencyClaim | None,
        replaces: IdempotencyClaim | None,
        groups: Sequence[WorkerGroup],
    ) -> Added:
        (event,) = events_of(None, job, job.created_at)
        work = Work.of(job.request)
        answer, released = self._add(
            keys=[
                record_key(job.id),
                QUEUED,
                HELD,
                idempotency_key(job.idempotency),
                events_key(job.id),
                WORK,
                listed_key(job.owner, None),
                *(listed_key(job.owner, state) for state in _UNFINISHED),
                TURNS,
                WAITING,
                SENT,
            ],
            args=[
                job.record,
                job.id,
                job.state,
                CHANGES_CHANNEL,
                job.created_at.timestamp(),
                limit,
                claim.model_dump_json() if claim else "",
                replaces.model_dump_json() if replaces else "",
                event.type,
                json.dumps(event.data),
                self._events_kept,
                str(work),
                listed_member(job),
                job.owner,
                job.priority,
                _FIRST_TURN[job.priority],
                work.cost,
                own_limit or "",
                _told(groups),
            ],
        )
        if answer == b"full":
            raise AdmissionRefused
        if answer == b"own full":
            raise OwnLimitReached
        known = None if answer == b"done" else IdempotencyClaim.model_validate_json(answer)
        return Added(known, _by_id(released))

    def claim_of(self, idempotency: str) -> IdempotencyClaim | None:
        """Give what an idempotency key leads to, or None for one that was never used."""
        claim = self._redis.get(idempotency_key(idempotency))
        return IdempotencyClaim.model_validate_json(claim) if claim else None

    def get(self, job_id: str) -> Job:
        """Give a job.

        Raises:
            JobNotFound: There was never such a job.
            JobExpired: It ended, and its record is gone.
        """
        record, ended = self._redis.mget(record_key(job_id), ended_key(job_id))
        return _parse(job_id, record, ended)

    def get_many(self, job_ids: Sequence[str]) -> list[Job | None]:
        """Give several jobs in one round trip; None for those that are not there."""
        if not job_ids:
            return []
        records = self._redis.mget([record_key(job_id) for job_id in job_ids])
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
            pipeline.mget(record_key(job_id), ended_key(job_id))
            pipeline.time()
            (record, ended), clock = pipeline.execute()
            now = as_datetime(clock)
            job = _parse(job_id, record, ended)
            self._witness.seen(job_id, job)
            changed = transition(job, now)
            if changed is job and not renews:
                return job
            with self._witness.watch(job, changed):
                answer = self._write(
                    job,
                    changed,
                    expected=record,
                    now=now,
                    renews=renews or not job.state.is_held,
                    lost_by=now if only_lost else None,
                )
            if answer == b"renewed":
                raise LeaseRenewed(job_id)
            if answer == b"done":
                self._witness.written(job, changed)
                return changed

    def settle(self) -> None:
        """Look at the jobs of this store whose last change had no reply, and tell what was made."""
        job_ids = self._witness.in_doubt()
        for job_id, job in zip(job_ids, self.get_many(job_ids), strict=True):
            self._witness.seen(job_id, job)

    def position(self, job_id: str) -> int | None:
        """Give how many jobs wait before this one; None where it does not wait."""
        return self.positions([job_id])[0]

    def positions(self, job_ids: Sequence[str]) -> list[int | None]:
        """Give the positions of several jobs in one round trip."""
        pipeline = self._redis.pipeline(transaction=False)
        for job_id in job_ids:
            pipeline.zrank(QUEUED, job_id)
        return pipeline.execute()

    def count(self) -> dict[JobState, int]:
        """Count the jobs that wait and those that a worker holds."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.zcard(QUEUED)
        pipeline.zcard(HELD)
        queued, held = pipeline.execute()
        return {JobState.QUEUED: queued, JobState.RUNNING: held}

    def queued_ids(self, *, limit: int = 0) -> list[str]:
        """Give the ids of the jobs that wait, next first; only so many, unless it is 0."""
        return _as_ids(self._redis.zrange(QUEUED, 0, limit - 1))

    def queue(self, *, limit: int = 0) -> list[tuple[str, Work]]:
        """Give the jobs that wait, next first, and what each of them asks of a worker.

        Only so many, unless it is 0.
        """
        job_ids = self.queued_ids(limit=limit)
        if not job_ids:
            return []
        asked: Any = self._redis.hmget(WORK, job_ids)
        pairs = zip(job_ids, asked, strict=True)
        return [(job_id, Work.parse(work.decode())) for job_id, work in pairs if work]

    def unfinished_ids(self, *, older_than: timedelta) -> list[str]:
        """Give the ids of unfinished jobs, of those that wait only the ones this old."""
        oldest = (self.now() - older_than).timestamp()
        return _as_ids(self._redis.zrangebyscore(WAITING, "-inf", oldest)) + self.held_ids()

    def release(self, groups: Sequence[WorkerGroup]) -> dict[str, str]:
        """Give the ids whose messages are to be sent now, next first, and take them for sent.

        With each is the queue of the workers that it goes to.
        """
        return _by_id(self._release(keys=[QUEUED, SENT, WORK], args=[_told(groups)]))

    def take_back(self, job_id: str) -> None:
        """Note that a message could not be sent."""
        self._redis.hdel(SENT, job_id)

    def sent(self) -> dict[str, str]:
        """Give the ids of the jobs that wait and whose message is out, and in which queue."""
        sent = self._redis.hgetall(SENT)
        return dict(zip(_as_ids(sent.keys()), _as_ids(sent.values()), strict=True))

    def forget(self, job_id: str) -> None:
        """Drop the id of a job whose record is gone from the indexes."""
        pipeline = self._redis.pipeline()
        pipeline.zrem(QUEUED, job_id)
        pipeline.zrem(WAITING, job_id)
        pipeline.hdel(SENT, job_id)
        pipeline.zrem(HELD, job_id)
        pipeline.zrem(DELIVERIES, job_id)
        pipeline.hdel(WORK, job_id)
        pipeline.execute()

    def held_ids(self) -> list[str]:
        """Give the ids of the jobs that a worker holds."""
        return _as_ids(self._redis.zrange(HELD, 0, -1))

    def lost_ids(self) -> list[str]:
        """Give the ids of the jobs whose lease has run out."""
        return _as_ids(self._redis.zrangebyscore(HELD, "-inf", self.now().timestamp()))

    def claim_due_deliveries(self, *, limit: int) -> list[str]:
        """Give the ids of jobs whose webhook is to be tried now, the oldest first.

        Nobody else is given them for a minute; then they are due again, unless they were tried.
        """
        now = self.now()
        later = now + _DELIVERY_AGAIN
        due = self._claim_deliveries(
            keys=[DELIVERIES], args=[now.timestamp(), limit, later.timestamp()]
        )
        return _as_ids(due)

    def _write(
        self,
        before: Job,
        job: Job,
        *,
        expected: bytes,
        now: datetime,
        renews: bool,
        lost_by: datetime | None,
    ) -> bytes:
        final = job.state.is_final
        ttl = "kept" if before.state.is_final else self._result_ttl
        told = [(event.type, json.dumps(event.data)) for event in events_of(before, job, now)]
        delivery_due = job.delivery_due_at
        lease_end = (now + self._lease).timestamp() if renews else "kept"
        answer: bytes = self._swap(
            keys=[
                record_key(job.id),
                ended_key(job.id),
                QUEUED,
                HELD,
                idempotency_key(job.idempotency),
                events_key(job.id),
                WORK,
                EXPIRIES,
                listed_key(job.owner, before.state),
                listed_key(job.owner, job.state),
                DELIVERIES,
                TURNS,
                WAITING,
                SENT,
            ],
            args=[
                expected,
                job.record,
                job.id,
                job.state,
                CHANGES_CHANNEL,
                # It has waited its time already: before all others.
                _FIRST_TURN[job.priority] if job.state is JobState.QUEUED else "",
                lease_end if job.state.is_held else "",
                ttl if final else "",
                self._result_ttl * _ENDED_TTL_FACTOR if final else "",
                lost_by.timestamp() if lost_by else "",
                json.dumps(told),
                self._events_kept,
                listed_member(job),
                now.timestamp() + self._result_ttl,
                delivery_due.timestamp() if delivery_due else "",
                job.owner,
                job.priority,
                Work.of(job.request).cost,
                job.created_at.timestamp(),
                ENDS_CHANNEL,
            ],
        )
        return answer


def _parse(job_id: str, record: bytes | str | None, ended: bytes | str | None) -> Job:
    if record is not None:
        return Job.model_validate_json(record)
    if ended is not None:
        raise JobExpired(job_id)
    raise JobNotFound(job_id)


def listed_member(job: Job) -> str:
    """Name a job in the listings, so that later ones sort after earlier ones."""
    return f"{(job.created_at - _EPOCH) // _MICROSECOND:016d}:{job.id}"


def _told(groups: Iterable[WorkerGroup]) -> str:
    return json.dumps(
        [
            {"queue": group.queue, "models": sorted(group.models), "workers": group.workers}
            for group in groups
        ]
    )


def _by_id(ids_and_queues: Sequence[object]) -> dict[str, str]:
    words = _as_ids(ids_and_queues)
    return dict(zip(words[::2], words[1::2], strict=True))


def as_datetime(clock: tuple[int, int]) -> datetime:
    """Give what Redis' TIME has answered as a time."""
    seconds, microseconds = clock
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)


def _as_ids(members: Iterable[object]) -> list[str]:
    return [member.decode() for member in members if isinstance(member, bytes)]
