from redis import Redis

from shared.job_parts import JobState
from shared.job_store import JobStore
from tests.support.builders import store_job
from tests.support.pipelines import PaintsFlat, TakesTurns, gives_no_finite_picture
from tests.support.runners import make_runner
from worker.tasks import GenerateTask


class TestGenerateTask:
    def test_runs_the_job_that_the_message_names(self, fake_redis: Redis) -> None:
        store = JobStore(fake_redis, result_ttl=60, lease_seconds=15)
        store_job(store, "a")
        task = GenerateTask()
        task.runner = make_runner(fake_redis)
        task.run("a")
        assert store.get("a").state is JobState.SUCCEEDED

    def test_says_in_a_word_what_has_become_of_it(self, fake_redis: Redis) -> None:
        store = JobStore(fake_redis, result_ttl=60, lease_seconds=15)
        store_job(store, "a")
        store_job(store, "b")
        task = GenerateTask()
        task.runner = make_runner(fake_redis, TakesTurns([gives_no_finite_picture(), PaintsFlat()]))
        words = [task.run(job_id) for job_id in ("a", "b", "b")]
        assert words == ["failed", "painted", "nothing to claim"]
