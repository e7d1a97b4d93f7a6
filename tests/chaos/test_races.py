"""Two processes that change a job at the same moment, on a real Redis."""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from redis import Redis

from shared.errors import TransitionRefused
from shared.generation import (
    GenerationRequest,
)
from shared.job_parts import JobState
from shared.job_store import IdempotencyClaim, JobStore, Transition
from shared.jobs import Job
from shared.keys import PREFIX
from tests.chaos.bench import SEED, sized
from tests.support.builders import FAILURE, make_result
from tests.support.stack import Stack

NOW = datetime(2100, 1, 1, tzinfo=UTC)

NO_TIME = timedelta(0)  # Every job has waited for longer.


def transitions(token: str) -> dict[str, Transition]:
    """All that can happen to a job, by the hand of one attempt."""
    return {
        "claim": lambda job, now: job.claim(token, token, now),
        "advance": lambda job, _: job.advance(token, 3),
        "succeed": lambda job, now: job.succeed(token, make_result(), now),
        "fail": lambda job, now: job.fail(token, FAILURE, now),
        "cancel": lambda job, now: job.cancel(now),
        "acknowledge_cancel": lambda job, now: job.acknowledge_cancel(token, now),
        "lose_worker": lambda job, now: job.lose_worker(3, now),
        "expire": lambda job, now: job.expire(NO_TIME, now),
    }


WAYS_TO: dict[str, tuple[str, ...]] = {
    "queued": (),
    "running": ("claim",),
    "running for a while": ("claim", "advance"),
    "running for the last time": ("claim", "lose_worker", "claim", "lose_worker", "claim"),
    "canceling": ("claim", "cancel"),
    "queued again": ("claim", "advance", "lose_worker"),
    "succeeded": ("claim", "succeed"),
    "failed": ("claim", "fail"),
    "canceled": ("cancel",),
}
NAMES = tuple(transitions(""))


class Table:
    """A job between two processes that race for it."""

    def __init__(self, first: Redis, second: Redis) -> None:
        self._redis = first
        self._first, self._second = (
            JobStore(redis, result_ttl=60, lease_seconds=60) for redis in (first, second)
        )

    def new_job(self) -> str:
        job_id = str(uuid4())
        job = Job.queued(
            job_id, GenerationRequest(prompt="a cat"), self._first.now(), idempotency=job_id
        )
        claim = IdempotencyClaim(job_id=job_id, fingerprint="")
        assert self._first.add(job, limit=10**6, claim=claim).known is None
        return job_id

    def get(self, job_id: str) -> Job:
        return self._first.get(job_id)

    def apply(self, job_id: str, transition: Transition) -> None:
        self._first.update(job_id, transition)

    def race(self, job_id: str, mine: Transition, theirs: Transition) -> None:
        """Let `theirs` happen between the reading and the writing of `mine`."""
        interrupt = iter([theirs])

        def interrupted(job: Job, now: datetime) -> Job:
            for transition in interrupt:
                attempt(partial(self._second.update, job_id, transition))
            return mine(job, now)

        attempt(lambda: self._first.update(job_id, interrupted))

    def check_indexes(self, job_id: str) -> None:
        state = self.get(job_id).state
        assert (job_id in self._first.queued_ids()) == (state is JobState.QUEUED)
        assert (job_id in self._first.held_ids()) == state.is_held
        keys = (f"{PREFIX}job:{job_id}", f"{PREFIX}idempotency:{job_id}")
        assert [self._redis.ttl(key) > 0 for key in keys] == [state.is_final] * 2

    def clear(self) -> None:
        self._redis.flushdb()


def attempt(change: Callable[[], Job]) -> Job | None:
    try:
        return change()
    except TransitionRefused:
        return None


def in_order(job: Job, *steps: Transition) -> Job:
    """What becomes of a job where nobody races."""
    for step in steps:
        job = attempt(partial(step, job, NOW)) or job
    return job


def outcomes(job: Job, mine: Transition, theirs: Transition) -> list[object]:
    """The other one first, then this one; one that changes nothing may have come before."""
    changes = attempt(lambda: mine(job, NOW)) not in (None, job)
    before = [] if changes else [in_order(job, mine, theirs)]
    return [dumped(ended) for ended in (in_order(job, theirs, mine), *before)]


def timeless(value: object) -> object:
    """A record, with only the presence of its times."""
    if isinstance(value, dict):
        return {
            name: part is not None
            if name.endswith("_at") or name == "worker_seconds"
            else timeless(part)
            for name, part in value.items()
        }
    return [timeless(part) for part in value] if isinstance(value, tuple) else value


def dumped(job: Job) -> object:
    return timeless(job.model_dump())


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    with (
        Stack(tmp_path_factory.mktemp("races")) as stack,
        Redis.from_url(stack.redis_url) as second,
    ):
        stack.start("redis")
        stack.wait_for_redis()
        yield Table(stack.redis, second)


@pytest.fixture(autouse=True)
def cleared(table: Table) -> None:
    table.clear()


@pytest.mark.parametrize("state", WAYS_TO)
@pytest.mark.parametrize(("mine", "theirs"), list(itertools.product(NAMES, NAMES)))
@pytest.mark.parametrize("same_hand", [True, False], ids=["one hand", "two hands"])
def test_a_race_ends_as_if_the_other_had_come_first(
    table: Table, state: str, mine: str, theirs: str, *, same_hand: bool
) -> None:
    holder = transitions("holder")
    other = holder if same_hand else transitions("other")
    job_id = table.new_job()
    for name in WAYS_TO[state]:
        table.apply(job_id, holder[name])
    before = table.get(job_id)
    table.race(job_id, holder[mine], other[theirs])
    assert dumped(table.get(job_id)) in outcomes(before, holder[mine], other[theirs])
    table.check_indexes(job_id)


HANDS = st.sampled_from(["a", "b"])
MOVES = st.tuples(HANDS, st.sampled_from(NAMES))


@seed(SEED)
@settings(max_examples=sized(short=60, full=2000), deadline=None, database=None)
@given(races=st.lists(st.tuples(MOVES, MOVES), min_size=1, max_size=12))
def test_any_number_of_races_keeps_record_and_indexes_in_step(
    table: Table, races: list[tuple[tuple[str, str], tuple[str, str]]]
) -> None:
    job_id = table.new_job()
    for (my_hand, mine), (their_hand, theirs) in races:
        before = table.get(job_id)
        moves = transitions(my_hand)[mine], transitions(their_hand)[theirs]
        table.race(job_id, *moves)
        after = table.get(job_id)
        assert dumped(after) in outcomes(before, *moves)
        assert (after.finished_at is not None) == after.state.is_final
        assert (after.result is not None) == (after.state is JobState.SUCCEEDED)
        assert not before.state.is_final or after == before
        table.check_indexes(job_id)


def test_of_many_claims_at_once_one_wins(table: Table) -> None:
    job_id = table.new_job()
    moves = [transitions(f"worker-{number}")["claim"] for number in range(8)]
    for mine, theirs in itertools.pairwise(moves):
        table.race(job_id, mine, theirs)
    assert [each.worker for each in table.get(job_id).attempts] == ["worker-1"]
