"""What one version has written, the next one reads, and the other way round as far as it can."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from redis import Redis

from shared.job_parts import JobState
from shared.job_store import JobStore
from shared.jobs import Job
from shared.keys import record_key
from tests.support.builders import LATER, TOKEN, job_in, make_result, queued_job

Record = dict[str, Any]

# A file for each version whose records were others; none is ever changed.
RECORDS: dict[str, Record] = {
    f"{file.stem}: {name}": record
    for file in sorted((Path(__file__).parent / "records").glob("*.json"))
    for name, record in json.loads(file.read_text()).items()
}


def parse(record: Record) -> Job:
    return Job.model_validate_json(json.dumps(record))


class TestOldRecords:
    @pytest.mark.parametrize("name", RECORDS)
    def test_are_read_with_all_that_they_say(self, name: str) -> None:
        assert json.loads(parse(RECORDS[name]).record) == RECORDS[name]

    @pytest.mark.parametrize("state", JobState)
    def test_are_the_jobs_that_they_were(self, state: JobState) -> None:
        assert parse(RECORDS[f"0.2.0: {state}"]) == job_in(state)

    def test_go_on_in_the_store(self, any_redis: Redis) -> None:
        store = JobStore(any_redis, result_ttl=60, lease_seconds=15)
        any_redis.set(record_key("job-1"), json.dumps(RECORDS["0.2.0: running"]))
        store.hold("job-1", lambda job, _: job.advance(TOKEN, 3))
        ended = store.update("job-1", lambda job, now: job.succeed(TOKEN, make_result(), now))
        assert store.get("job-1") == ended
        assert ended.state is JobState.SUCCEEDED


class TestNewRecords:
    def test_are_read_without_what_is_not_known_of_the_job(self) -> None:
        record = RECORDS["0.2.0: running"] | {"mood": "good"}
        assert parse(record) == job_in(JobState.RUNNING)

    def test_are_refused_where_the_request_has_what_is_not_known(self) -> None:
        record = RECORDS["0.2.0: queued"]
        # Or another picture would be painted than was asked for.
        with pytest.raises(ValidationError, match="mood"):
            parse(record | {"request": record["request"] | {"mood": "good"}})

    def test_do_not_name_what_nobody_has_set(self) -> None:
        record = json.loads(queued_job().record)
        assert set(record) >= {"id", "state", "request", "progress"}
        assert {"result", "error", "cancellation", "attempts", "expected_at"}.isdisjoint(record)
        assert {"loras", "embed_metadata"}.isdisjoint(record["request"])

    @pytest.mark.parametrize("state", JobState)
    def test_are_the_same_job(self, state: JobState) -> None:
        job = job_in(state)
        again = Job.model_validate_json(job.record)
        assert again == job
        assert again.record == job.record
        assert again.cancel(LATER) == job.cancel(LATER)
