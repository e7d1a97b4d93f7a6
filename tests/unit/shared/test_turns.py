from collections.abc import Sequence

import pytest
from redis import Redis

from shared.job_parts import JobState, Priority
from shared.job_store import AdmissionRefused, JobStore, OwnLimitReached
from shared.jobs import Job
from shared.worker_groups import WorkerGroup
from tests.support.builders import LIMIT, TOKEN, claim_job, queued_job, store_job


@pytest.fixture
def store(any_redis: Redis) -> JobStore:
    return JobStore(any_redis, result_ttl=60, lease_seconds=15)


def submit(store: JobStore, *job_ids: str, steps: int = 28) -> None:
    """Queue jobs, each owned by the letter that it begins with."""
    for job_id in job_ids:
        store_job(store, job_id, owner=job_id[0], num_inference_steps=steps)


def submit_low(store: JobStore, job_id: str) -> None:
    job = queued_job(job_id, now=store.now())
    changes = {"owner": job_id[0], "priority": Priority.LOW}
    store.add(job.model_copy(update=changes), limit=LIMIT)


def serve(store: JobStore, count: int) -> list[str]:
    """Let a worker take that many jobs, each to its end."""
    served = []
    for _ in range(count):
        job_id = store.queued_ids()[0]
        claim_job(store, job_id)
        store.update(job_id, lambda job, now: job.cancel(now))
        store.update(job_id, lambda job, now: job.acknowledge_cancel(TOKEN, now))
        served.append(job_id)
    return served


def release(store: JobStore, *, workers: int = 0) -> list[str]:
    """Let messages out to workers that serve everything."""
    return list(store.release([WorkerGroup("generate", frozenset(), workers)]))


def owners(job_ids: Sequence[str]) -> str:
    return "".join(job_id[0] for job_id in job_ids)


class TestTurns:
    def test_of_one_owner_are_in_the_order_of_the_submits(self, store: JobStore) -> None:
        ids = [f"a{number}" for number in (3, 1, 4, 15, 9, 2, 6, 5)]
        submit(store, *ids)
        assert store.queued_ids() == ids

    def test_of_two_owners_alternate_however_many_jobs_one_has_sent(self, store: JobStore) -> None:
        submit(store, *(f"a{number:02}" for number in range(20)), "b1", "b2", "b3")
        assert owners(store.queued_ids()[:6]) in {"ababab", "bababa"}

    def test_come_soon_for_one_job_behind_a_thousand(self, store: JobStore) -> None:
        for number in range(50):
            submit(store, f"a{number:02}")
        serve(store, 10)
        submit(store, "b1")
        assert store.position("b1") in {0, 1}

    def test_share_the_time_and_not_the_number_of_jobs(self, store: JobStore) -> None:
        submit(store, "a1", "a2", "a3", steps=60)
        submit(store, *(f"b{number}" for number in range(9)), steps=15)
        served = owners(store.queued_ids())
        assert served.index("a", served.index("a") + 1) >= 4

    def test_that_were_not_used_are_not_saved(self, store: JobStore) -> None:
        submit(store, "a1", "b1")
        serve(store, 2)
        submit(store, *(f"a{number}" for number in range(2, 9)))
        serve(store, 4)
        submit(store, "b2", "b3", "b4")
        assert owners(store.queued_ids()[:4]) in {"abab", "baba"}

    def test_of_canceled_jobs_cost_their_owner_nothing(self, store: JobStore) -> None:
        submit(store, *(f"a{number}" for number in range(1, 6)), "b1", "b2", "b3")
        for number in range(1, 6):
            store.update(f"a{number}", lambda job, now: job.cancel(now))
        submit(store, "a6")
        assert store.position("a6") in {0, 1}

    def test_of_a_lost_job_are_the_first(self, store: JobStore) -> None:
        submit(store, "a1", "a2", "b1")
        claim_job(store, "a1")
        store.update("a1", lambda job, now: job.lose_worker(3, now))
        assert store.queued_ids()[0] == "a1"

    def test_of_low_priority_come_after_all_others(self, store: JobStore) -> None:
        submit_low(store, "a1")
        submit_low(store, "b1")
        submit(store, "a2", "a3", "b2")
        assert sorted(store.queued_ids()[3:]) == ["a1", "b1"]


class TestRelease:
    def test_lets_one_message_out_more_than_there_are_workers(self, store: JobStore) -> None:
        submit(store, "a1", "a2", "a3", "a4")
        assert release(store, workers=1) == ["a1", "a2"]
        assert release(store, workers=1) == []

    def test_goes_on_when_a_job_is_claimed(self, store: JobStore) -> None:
        submit(store, "a1", "a2", "a3", "a4")
        release(store, workers=1)
        claim_job(store, "a1")
        assert release(store, workers=1) == ["a3"]

    def test_goes_on_when_a_job_is_canceled(self, store: JobStore) -> None:
        submit(store, "a1", "a2")
        assert release(store) == ["a1"]
        store.update("a1", lambda job, now: job.cancel(now))
        assert release(store) == ["a2"]

    def test_gives_a_job_again_that_could_not_be_sent(self, store: JobStore) -> None:
        submit(store, "a1", "a2")
        assert release(store) == ["a1"]
        store.take_back("a1")
        assert release(store) == ["a1"]

    def test_gives_a_lost_job_again_and_first(self, store: JobStore) -> None:
        submit(store, "a1", "a2", "a3")
        release(store)
        claim_job(store, "a1")
        store.update("a1", lambda job, now: job.lose_worker(3, now))
        assert release(store) == ["a1"]

    def test_lets_a_newcomer_overtake_what_is_not_out(self, store: JobStore) -> None:
        submit(store, "a1", "a2", "a3", "a4")
        release(store)
        submit(store, "b1")
        claim_job(store, "a1")
        assert release(store) == ["b1"]


class TestReleaseToGroups:
    A = WorkerGroup("generate.x", frozenset({"x"}), 1)
    B = WorkerGroup("generate.x+y", frozenset({"x", "y"}), 1)

    def test_sends_a_job_only_where_its_model_is_served(self, store: JobStore) -> None:
        for job_id, model in (("1", "y"), ("2", "x"), ("3", "y"), ("4", "z"), ("5", "x")):
            store_job(store, job_id, model=model)
        released = store.release([self.A, self.B])
        assert [released[job_id] for job_id in "13"] == [self.B.queue] * 2
        assert [released[job_id] for job_id in "25"] == [self.A.queue] * 2
        assert "4" not in released
        assert store.sent() == released

    def test_is_in_order_though_those_before_wait_for_others(self, store: JobStore) -> None:
        for number in range(70):
            store_job(store, f"y{number:03}", model="y")
        store_job(store, "x", model="x")
        assert list(store.release([self.A, self.B])) == ["y000", "y001", "x"]

    def test_sends_a_job_without_a_model_to_anybody(self, store: JobStore) -> None:
        store_job(store, "any")
        assert store.release([self.A]) == {"any": self.A.queue}

    def test_finds_other_workers_for_a_job_whose_own_are_gone(self, store: JobStore) -> None:
        store_job(store, "1", model="x")
        assert store.release([self.A]) == {"1": self.A.queue}
        assert store.release([]) == {}
        assert store.release([self.B]) == {"1": self.B.queue}
        assert store.release([self.A, self.B]) == {}


class TestOwnLimit:
    def test_counts_what_waits_and_runs_of_this_owner_only(self, store: JobStore) -> None:
        submit(store, "a1", "a2", "b1")
        claim_job(store, "a1")
        with pytest.raises(OwnLimitReached):
            add(store, "a3", own_limit=2)
        add(store, "b2", own_limit=2)

    def test_makes_room_when_a_job_ends(self, store: JobStore) -> None:
        submit(store, "a1", "a2")
        claim_job(store, "a1")
        store.update("a1", lambda job, now: job.cancel(now))
        ended = store.update("a1", lambda job, now: job.acknowledge_cancel(TOKEN, now))
        assert ended.state is JobState.CANCELED
        add(store, "a3", own_limit=2)


def add(store: JobStore, job_id: str, *, own_limit: int) -> Job:
    job = queued_job(job_id, now=store.now()).model_copy(update={"owner": job_id[0]})
    store.add(job, limit=LIMIT, own_limit=own_limit)
    return job


class TestReleaseWithANewJob:
    GROUPS = (WorkerGroup("generate", frozenset(), 1),)

    def test_lets_its_own_message_out_where_there_is_room(self, store: JobStore) -> None:
        assert store.add(queued_job("a"), limit=LIMIT, groups=self.GROUPS).released == {
            "a": "generate"
        }

    def test_lets_out_what_waits_before_it(self, store: JobStore) -> None:
        submit(store, "a1", "a2")
        new = queued_job("a3").model_copy(update={"owner": "a"})
        added = store.add(new, limit=LIMIT, groups=self.GROUPS)
        assert list(added.released) == ["a1", "a2"]

    def test_lets_nothing_out_where_the_job_is_not_admitted(self, store: JobStore) -> None:
        submit(store, "a1")
        with pytest.raises(AdmissionRefused):
            store.add(queued_job("b"), limit=1, groups=self.GROUPS)
        assert store.sent() == {}

    def test_lets_its_message_out_again_where_nobody_heard_of_the_first(
        self, store: JobStore
    ) -> None:
        job = queued_job("a")
        first, again = (store.add(job, limit=LIMIT, groups=self.GROUPS) for _ in range(2))
        assert first == again
