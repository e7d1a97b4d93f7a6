"""Under which ids people find what a worker has logged of a job."""

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

import pytest
from fakeredis import FakeServer
from redis import Redis
from structlog.contextvars import get_contextvars, merge_contextvars
from structlog.testing import capture_logs

from shared.job_context import ids_of
from shared.job_store import JobStore
from tests.support.builders import claim_job, queued_job, store_job
from tests.support.pipelines import (
    CallsBeforeItReturns,
    PaintsFlat,
    RaisesAfterAStep,
    gives_no_finite_picture,
)
from tests.support.runners import make_runner
from tests.support.traces import CLIENT, CLIENT_TRACE
from tests.unit.eventually import eventually
from tests.unit.failing_redis import FailingRedis
from worker.painting import DeviceLost, Pipeline

Lines = list[MutableMapping[str, Any]]
IDS = {"job_id": "a", "request_id": "case-7", "trace_id": CLIENT_TRACE}


@pytest.fixture
def lines() -> Iterator[Lines]:
    with capture_logs(processors=[merge_contextvars]) as lines:
        yield lines


def store_traced_job(redis: Redis) -> JobStore:
    store = JobStore(redis, result_ttl=60, lease_seconds=15)
    store_job(store, "a")
    known = {"request_id": "case-7", "traceparent": CLIENT}
    store.update("a", lambda job, _: job.model_copy(update=known))
    return store


class TestIds:
    def test_are_those_that_are_known(self) -> None:
        assert ids_of(queued_job("a")) == {"job_id": "a"}
        known = {"request_id": "case-7", "traceparent": CLIENT}
        assert ids_of(queued_job("a").model_copy(update=known)) == IDS


class TestLines:
    @pytest.mark.parametrize(
        "pipeline",
        [
            PaintsFlat,
            gives_no_finite_picture,
            lambda: RaisesAfterAStep(ValueError()),
            lambda: RaisesAfterAStep(DeviceLost()),
        ],
        ids=["succeeds", "fails", "breaks", "loses the device"],
    )
    def test_all_have_the_ids(
        self, fake_redis: Redis, lines: Lines, pipeline: Callable[[], Pipeline]
    ) -> None:
        store_traced_job(fake_redis)
        make_runner(fake_redis, pipeline(), end_process=lambda: None).run("a")
        assert len(lines) > 1
        assert [line for line in lines if not line.items() >= IDS.items()] == []

    def test_of_the_attempt_that_was_lost_have_them(self, fake_redis: Redis, lines: Lines) -> None:
        store = store_traced_job(fake_redis)

        def take_over() -> None:
            store.update("a", lambda job, now: job.lose_worker(3, now))
            claim_job(store, "a", "another")

        make_runner(fake_redis, CallsBeforeItReturns(take_over)).run("a")
        assert lines[-1].items() >= {"event": "attempt lost", **IDS}.items()

    def test_of_the_thread_that_keeps_the_lease_have_them(self, lines: Lines) -> None:
        redis = FailingRedis(server=FakeServer())
        store_traced_job(redis)

        def be_away_until_that_is_said() -> None:
            redis.failures = 1
            eventually(lambda: redis.failures, until=lambda left: left == 0)

        pipeline = CallsBeforeItReturns(be_away_until_that_is_said)
        make_runner(redis, pipeline, renew_seconds=0.01).run("a")
        (said,) = (line for line in lines if line["event"] == "lease not renewed")
        assert said.items() >= IDS.items()

    def test_of_the_next_job_have_its_own(self, fake_redis: Redis) -> None:
        store_traced_job(fake_redis)
        make_runner(fake_redis).run("a")
        assert get_contextvars() == {}
