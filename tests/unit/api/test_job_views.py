import pytest
from redis import Redis

from shared.job_parts import JobState
from shared.job_store import JobStore
from tests.support.builders import bring_to
from tests.support.services import make_views

OWNER = ""


@pytest.fixture
def store(fake_redis: Redis) -> JobStore:
    return JobStore(fake_redis, result_ttl=60, lease_seconds=15)


class TestViews:
    def test_say_where_each_job_stands_that_waits(self, fake_redis: Redis, store: JobStore) -> None:
        jobs = [
            bring_to(store, JobState.QUEUED, "first"),
            bring_to(store, JobState.SUCCEEDED, "done"),
            bring_to(store, JobState.QUEUED, "second"),
        ]
        views = make_views(fake_redis, store).of_all(jobs)
        places = [(view.id, view.position) for view in views]
        assert places == [("first", 0), ("done", None), ("second", 1)]

    def test_of_one_job_are_the_same(self, fake_redis: Redis, store: JobStore) -> None:
        job = bring_to(store, JobState.QUEUED, "a")
        views = make_views(fake_redis, store)
        assert [views.of(job)] == views.of_all([job])


class TestPage:
    def test_leads_on_to_the_next(self, fake_redis: Redis, store: JobStore) -> None:
        for job_id in ("a", "b"):
            bring_to(store, JobState.QUEUED, job_id)
        bring_to(store, JobState.CANCELED, "c")
        views = make_views(fake_redis, store)
        first = views.page(OWNER, [JobState.QUEUED], limit=1)
        second = views.page(OWNER, [JobState.QUEUED], limit=1, cursor=first.next_cursor)
        shown = [(view.id, view.position) for page in (first, second) for view in page.jobs]
        assert shown == [("b", 1), ("a", 0)]
