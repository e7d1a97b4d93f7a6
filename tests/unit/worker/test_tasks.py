from redis import Redis

from shared.image_store import ImageStore
from shared.job_store import JobStore
from shared.jobs import JobState
from shared.throughput import Throughput
from tests.support.builders import WORKER, store_job
from tests.support.pipelines import PaintsFlat
from worker.runner import Runner
from worker.tasks import GenerateTask


class TestGenerateTask:
    def test_runs_the_job_that_the_message_names(self, fake_redis: Redis) -> None:
        store = JobStore(fake_redis, result_ttl=60, lease_seconds=15)
        store_job(store, "a")
        task = GenerateTask()
        task.runner = Runner(
            store=store,
            images=ImageStore(fake_redis, result_ttl=60),
            throughput=Throughput(fake_redis),
            pipeline=PaintsFlat(),
            worker=WORKER,
            renew_seconds=1,
        )
        task.run("a")
        assert store.get("a").state is JobState.SUCCEEDED
