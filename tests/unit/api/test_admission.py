import pytest
from redis import Redis

from api.admission import Admission
from api.callers import Caller
from shared.errors import QueueFull, RateLimited
from shared.job_parts import JobState
from shared.job_store import IdempotencyClaim, JobStore
from shared.pace import PaceStore, Work
from shared.worker_registry import Heartbeat, WorkerRegistry, WorkerState
from tests.support.builders import BUILD, TIMINGS, WORKER, make_request, queued_job
from tests.support.services import make_forecaster

ANYBODY = Caller(name="")


@pytest.fixture
def store(fake_redis: Redis) -> JobStore:
    return JobStore(fake_redis, result_ttl=60, lease_seconds=15)


def make_admission(redis: Redis, store: JobStore, *, limit: int = 1) -> Admission:
    return Admission(store, make_forecaster(redis, store), limit=limit)


class TestAdmit:
    def test_keeps_the_job(self, fake_redis: Redis, store: JobStore) -> None:
        make_admission(fake_redis, store).admit(queued_job("a"), ANYBODY)
        assert store.get("a") == queued_job("a")

    def test_gives_the_claim_that_the_key_has_met(self, fake_redis: Redis, store: JobStore) -> None:
        admission = make_admission(fake_redis, store, limit=2)
        first, second = (
            IdempotencyClaim(job_id=job_id, fingerprint="same") for job_id in ("a", "b")
        )
        jobs = [queued_job(id_).model_copy(update={"idempotency": "key"}) for id_ in ("a", "b")]
        assert admission.admit(jobs[0], ANYBODY, claim=first).known is None
        assert admission.admit(jobs[1], ANYBODY, claim=second).known == first

    def test_refuses_while_there_is_no_room(self, fake_redis: Redis, store: JobStore) -> None:
        admission = make_admission(fake_redis, store)
        admission.admit(queued_job("a"), ANYBODY)
        with pytest.raises(QueueFull) as refusal:
            admission.admit(queued_job("b"), ANYBODY)
        assert refusal.value.meta == {"limit": 1, "retry_after_seconds": 10}
        assert store.count() == {JobState.QUEUED: 1, JobState.RUNNING: 0}

    def test_refuses_a_caller_that_has_all_it_may_have(
        self, fake_redis: Redis, store: JobStore
    ) -> None:
        admission = make_admission(fake_redis, store, limit=9)
        admission.admit(queued_job("a"), Caller(name="", max_jobs=1))
        with pytest.raises(RateLimited, match="1 jobs at once that wait or run"):
            admission.admit(queued_job("b"), Caller(name="", max_jobs=1))
        admission.admit(queued_job("b"), ANYBODY)


class TestRetryAfter:
    @pytest.mark.parametrize(("seconds", "told"), [(0.1, 1), (2.5, 3)])
    def test_is_when_the_first_job_is_expected_to_end(
        self, fake_redis: Redis, store: JobStore, *, seconds: float, told: int
    ) -> None:
        ready = Heartbeat(worker=WORKER, state=WorkerState.READY, build=BUILD)
        WorkerRegistry(fake_redis).announce(ready)
        timings = TIMINGS.model_copy(update={"denoise": seconds / 2, "total": seconds})
        PaceStore(fake_redis).learn(BUILD, Work.of(make_request()), timings)
        admission = make_admission(fake_redis, store)
        admission.admit(queued_job("a"), ANYBODY)
        with pytest.raises(QueueFull) as refusal:
            admission.admit(queued_job("b"), ANYBODY)
        assert refusal.value.retry_after_seconds == told
