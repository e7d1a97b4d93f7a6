from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from redis import Redis

from shared.job_listing import JobListing, Page
from shared.job_parts import JobState
from shared.job_store import JobStore
from shared.jobs import Job
from shared.keys import EXPIRIES, listed_key, record_key
from tests.support.builders import LIMIT, NOW, bring_to, claim_job, job_in, queued_job, store_job

RESULT_TTL = 60
OWNER = ""
MANY = 100_000
PAGE = 20
FINAL = [state for state in JobState if state.is_final]
UNFINISHED = [state for state in JobState if not state.is_final]


class OvertakenStore(JobStore):
    """Lets something happen between the look at a listing and that at the records."""

    happening: Callable[[], object] | None = None

    def get_many(self, job_ids: Sequence[str]) -> list[Job | None]:
        if self.happening is not None:
            self.happening()
        return super().get_many(job_ids)


class StoreAfterTheRecordsTime(JobStore):
    """Lives when the records have just expired."""

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=RESULT_TTL + 1)


def make_store(redis: Redis) -> OvertakenStore:
    return OvertakenStore(redis, result_ttl=RESULT_TTL, lease_seconds=15)


@pytest.fixture
def store(any_redis: Redis) -> OvertakenStore:
    return make_store(any_redis)


@pytest.fixture
def listing(any_redis: Redis, store: OvertakenStore) -> JobListing:
    return JobListing(any_redis, store)


@pytest.fixture
def late_listing(any_redis: Redis) -> JobListing:
    """A listing that is looked at when the records of today have expired."""
    late = StoreAfterTheRecordsTime(any_redis, result_ttl=RESULT_TTL, lease_seconds=15)
    return JobListing(any_redis, late)


def store_jobs(store: JobStore, job_ids: str) -> None:
    for job_id in job_ids:
        store_job(store, job_id)


def finish(store: JobStore, job_id: str) -> None:
    store.update(job_id, lambda job, now: job.cancel(now))


def ids_of(page: Page) -> str:
    return "".join(job.id for job in page.jobs)


def pages_of(
    listing: JobListing,
    *states: JobState,
    limit: int,
    between: Callable[[str], object] = lambda _: None,
) -> Iterator[str]:
    """Give the ids of each page to the last; `between` is called with those of each."""
    cursor = None
    while True:
        page = listing.page(OWNER, states, limit=limit, cursor=cursor)
        yield ids_of(page)
        if page.next_cursor is None:
            return
        cursor = page.next_cursor
        between(ids_of(page))


def listed(redis: Redis, state: JobState | None = None) -> list[str]:
    members = redis.zrange(listed_key(OWNER, state), 0, -1)
    return [member.decode().partition(":")[2] for member in members if isinstance(member, bytes)]


class TestPage:
    def test_is_empty_where_no_job_is(self, listing: JobListing) -> None:
        assert listing.page(OWNER, limit=5) == Page([], None)

    def test_has_the_newest_first(self, listing: JobListing, store: JobStore) -> None:
        store_jobs(store, "cab")
        assert ids_of(listing.page(OWNER, limit=5)) == "bac"

    def test_gives_the_jobs_as_they_are(self, listing: JobListing, store: JobStore) -> None:
        job = bring_to(store, JobState.SUCCEEDED, "a")
        assert listing.page(OWNER, limit=5).jobs == [job]

    def test_ends_at_its_limit(self, listing: JobListing, store: JobStore) -> None:
        store_jobs(store, "abcde")
        assert ids_of(listing.page(OWNER, limit=3)) == "edc"

    def test_keeps_the_order_of_submission_whatever_becomes_of_the_jobs(
        self, listing: JobListing, store: JobStore
    ) -> None:
        store_jobs(store, "abc")
        claim_job(store, "b")
        finish(store, "a")
        assert ids_of(listing.page(OWNER, limit=5)) == "cba"


class TestStates:
    @pytest.mark.parametrize("state", JobState)
    def test_have_the_jobs_that_are_in_them(
        self, listing: JobListing, store: JobStore, state: JobState
    ) -> None:
        for each in JobState:
            bring_to(store, each, each.value)
        assert listing.page(OWNER, [state], limit=50).jobs == [store.get(state.value)]

    def test_may_be_several_in_one_order(self, listing: JobListing, store: JobStore) -> None:
        store_jobs(store, "abcdef")
        for job_id in "ad":
            claim_job(store, job_id)
        finish(store, "c")
        assert ids_of(listing.page(OWNER, [JobState.QUEUED, JobState.RUNNING], limit=5)) == "fedba"
        assert ids_of(listing.page(OWNER, [JobState.RUNNING, JobState.CANCELED], limit=2)) == "dc"

    def test_that_are_named_twice_have_each_job_once(
        self, listing: JobListing, store: JobStore
    ) -> None:
        store_jobs(store, "ab")
        page = listing.page(OWNER, [JobState.QUEUED, JobState.QUEUED], limit=2)
        assert ids_of(page) == "ba"

    def test_are_as_the_records_say_where_one_has_just_changed(
        self, listing: JobListing, store: OvertakenStore
    ) -> None:
        store_jobs(store, "ab")
        store.happening = lambda: finish(store, "a")
        assert ids_of(listing.page(OWNER, [JobState.QUEUED], limit=5)) == "b"


class TestCursor:
    @pytest.mark.parametrize(
        ("limit", "pages"),
        [
            (1, ["g", "f", "e", "d", "c", "b", "a", ""]),
            (3, ["gfe", "dcb", "a"]),
            (7, ["gfedcba", ""]),
            (8, ["gfedcba"]),
        ],
    )
    def test_leads_through_all_jobs(
        self, listing: JobListing, store: JobStore, limit: int, pages: list[str]
    ) -> None:
        store_jobs(store, "abcdefg")
        assert list(pages_of(listing, limit=limit)) == pages

    def test_leads_through_the_jobs_of_several_states(
        self, listing: JobListing, store: JobStore
    ) -> None:
        store_jobs(store, "abcdefg")
        for job_id in "beg":
            claim_job(store, job_id)
        finish(store, "d")
        states = (JobState.QUEUED, JobState.RUNNING)
        assert list(pages_of(listing, *states, limit=2)) == ["gf", "ec", "ba", ""]

    def test_is_not_moved_by_jobs_that_come(self, listing: JobListing, store: JobStore) -> None:
        store_jobs(store, "abcdefg")
        pages = pages_of(listing, limit=2, between=lambda ids: store_jobs(store, ids.upper()))
        assert list(pages) == ["gf", "ed", "cb", "a"]

    @pytest.mark.parametrize("states", [[], list(JobState)], ids=["any", "each"])
    def test_is_not_moved_by_jobs_that_end(
        self, listing: JobListing, store: JobStore, states: list[JobState]
    ) -> None:
        store_jobs(store, "abcdefg")
        to_end = iter("fdbgaec")
        pages = pages_of(listing, *states, limit=2, between=lambda _: finish(store, next(to_end)))
        assert list(pages) == ["gf", "ed", "cb", "a"]

    def test_leads_through_jobs_of_the_same_microsecond(
        self, listing: JobListing, store: JobStore
    ) -> None:
        for job_id in "badc":
            store.add(queued_job(job_id, now=NOW), limit=LIMIT)
        assert list(pages_of(listing, limit=1)) == ["d", "c", "b", "a", ""]

    def test_tells_jobs_apart_that_came_a_microsecond_after_each_other(
        self, listing: JobListing, store: JobStore
    ) -> None:
        for later, job_id in enumerate("cab"):
            now = NOW + timedelta(microseconds=later)
            store.add(queued_job(job_id, now=now), limit=LIMIT)
        assert ids_of(listing.page(OWNER, limit=5)) == "bac"


class TestExpiry:
    def test_makes_a_page_short_and_hides_nothing_behind_it(
        self, listing: JobListing, store: JobStore, any_redis: Redis
    ) -> None:
        for job_id in "abcd":
            bring_to(store, JobState.SUCCEEDED, job_id)
        any_redis.delete(record_key("d"), record_key("c"))
        assert list(pages_of(listing, limit=2)) == ["", "ba", ""]

    @pytest.mark.parametrize("state", FINAL)
    def test_takes_a_job_out_of_all_listings_with_the_next_purge(
        self, late_listing: JobListing, store: JobStore, any_redis: Redis, state: JobState
    ) -> None:
        bring_to(store, state, "a")
        assert (listed(any_redis), listed(any_redis, state)) == (["a"], ["a"])
        late_listing.purge()
        assert (listed(any_redis), listed(any_redis, state)) == ([], [])
        assert any_redis.zcard(EXPIRIES) == 0

    def test_does_not_come_before_the_records_time(
        self, listing: JobListing, store: JobStore, any_redis: Redis
    ) -> None:
        bring_to(store, JobState.SUCCEEDED, "a")
        listing.purge()
        assert listed(any_redis, JobState.SUCCEEDED) == ["a"]

    @pytest.mark.parametrize("state", UNFINISHED)
    def test_does_not_come_to_jobs_that_have_not_ended(
        self, late_listing: JobListing, store: JobStore, any_redis: Redis, state: JobState
    ) -> None:
        bring_to(store, state, "a")
        late_listing.purge()
        assert (listed(any_redis), listed(any_redis, state)) == (["a"], ["a"])

    def test_takes_them_all_out_however_many_they_are(
        self, late_listing: JobListing, any_redis: Redis
    ) -> None:
        members = [f"{number:016d}:job" for number in range(2500)]
        any_redis.zadd(EXPIRIES, {f"{member} {OWNER}": 1.0 for member in members})
        any_redis.zadd(listed_key(OWNER, None), dict.fromkeys(members, 0))
        late_listing.purge()
        assert (any_redis.zcard(EXPIRIES), listed(any_redis)) == (0, [])


class TestManyJobs:
    @pytest.fixture
    def listing(self, redis: Redis) -> JobListing:
        """Of jobs that succeeded; the records of the first and the last page are there."""
        members = dict.fromkeys(map(member, range(MANY)), 0)
        for key in (listed_key(OWNER, None), listed_key(OWNER, JobState.SUCCEEDED)):
            redis.zadd(key, members)
        for number in [*range(PAGE), *range(MANY - PAGE, MANY)]:
            job = job_in(JobState.SUCCEEDED, str(UUID(int=number)))
            redis.set(record_key(job.id), job.model_dump_json())
        return JobListing(redis, make_store(redis))

    def test_make_no_page_dearer(self, listing: JobListing, redis: Redis) -> None:
        for states in ([], [JobState.SUCCEEDED], [JobState.SUCCEEDED, JobState.FAILED]):
            for before in (MANY, PAGE):
                looked_up = lookups(redis)
                page = listing.page(OWNER, states, limit=PAGE, cursor=member(before))
                numbers = [UUID(job.id).int for job in page.jobs]
                assert numbers == list(range(before - 1, before - 1 - PAGE, -1))
                assert lookups(redis) - looked_up == PAGE + max(len(states), 1)


def member(number: int) -> str:
    """Name a job of so many in the listings."""
    return f"{number:016d}:{UUID(int=number)}"


def lookups(redis: Redis) -> int:
    """Give how many keys have been looked for since the server started."""
    statistics = redis.info("stats")
    return int(statistics["keyspace_hits"]) + int(statistics["keyspace_misses"])
