import base64
import io
from collections.abc import Callable

import pytest
from PIL import Image
from redis import Redis

from shared.event_log import EventLog
from shared.job_events import EventType, JobEvent
from shared.job_parts import JobState
from shared.job_store import JobStore
from shared.jobs import Job
from tests.support.builders import OTHER_TOKEN, STEPS, TOKEN, bring_to, claim_job
from worker.previews import Previews

AT_ONCE = 0.0
NEVER_AGAIN = 1000.0
DATA_URI = "data:image/jpeg;base64,"


@pytest.fixture
def store(fake_redis: Redis) -> JobStore:
    return JobStore(fake_redis, result_ttl=60, lease_seconds=15)


@pytest.fixture
def log(fake_redis: Redis) -> EventLog:
    return EventLog(fake_redis)


@pytest.fixture
def job(store: JobStore) -> Job:
    return bring_to(store, JobState.RUNNING, "a")


def wanted_previews(log: EventLog, job: Job, *, interval_seconds: float = AT_ONCE) -> Previews:
    """Give previews of which somebody is known to look at them."""
    log.want_previews(job.id)
    previews = Previews(log, job, TOKEN, interval_seconds=interval_seconds)
    previews.tell()
    return previews


class Painter:
    """Gives the same small picture, and counts how often."""

    def __init__(self) -> None:
        self.painted = 0

    def __call__(self) -> Image.Image:
        self.painted += 1
        return Image.new("RGB", (40, 32), "blue")


def shown(log: EventLog) -> list[JobEvent]:
    return [event for event in log.after("a", 0) if event.type is EventType.PREVIEW]


def steps_shown(log: EventLog) -> list[object]:
    return [event.data["step"] for event in shown(log)]


class TestTake:
    def test_paints_nothing_while_nobody_looks(self, log: EventLog, job: Job) -> None:
        previews, painter = Previews(log, job, TOKEN, interval_seconds=AT_ONCE), Painter()
        for step in (1, 2):
            previews.take(step, painter)
            previews.tell()
        assert (painter.painted, shown(log)) == (0, [])

    def test_paints_nothing_any_more_once_nobody_looks(
        self, log: EventLog, job: Job, fake_redis: Redis
    ) -> None:
        previews, painter = wanted_previews(log, job), Painter()
        previews.take(1, painter)
        fake_redis.delete("semantic-bit:previews-wanted:a")
        for step in (2, 3):
            previews.tell()
            previews.take(step, painter)
        assert painter.painted == 1

    def test_paints_for_those_who_look(self, log: EventLog, job: Job) -> None:
        previews = wanted_previews(log, job)
        for step in (1, 2):
            previews.take(step, Painter())
            previews.tell()
        assert steps_shown(log) == [1, 2]

    def test_paints_not_too_often(self, log: EventLog, job: Job) -> None:
        previews, painter = wanted_previews(log, job, interval_seconds=NEVER_AGAIN), Painter()
        for step in range(1, 5):
            previews.take(step, painter)
        assert painter.painted == 1

    def test_keeps_the_latest_where_the_thread_that_tells_is_slow(
        self, log: EventLog, job: Job
    ) -> None:
        previews = wanted_previews(log, job)
        for step in (1, 2, 3):
            previews.take(step, Painter())
        previews.tell()
        assert steps_shown(log) == [3]


class TestTell:
    def test_tells_what_was_taken_once(self, log: EventLog, job: Job) -> None:
        previews = wanted_previews(log, job)
        previews.take(1, Painter())
        for _ in range(3):
            previews.tell()
        assert steps_shown(log) == [1]

    def test_tells_a_small_picture_as_a_jpeg_that_a_browser_shows(
        self, log: EventLog, job: Job
    ) -> None:
        previews = wanted_previews(log, job)
        previews.take(2, Painter())
        previews.tell()
        (event,) = shown(log)
        uri = str(event.data["image"])
        assert event.data == {
            "step": 2,
            "total": STEPS,
            "image": uri,
            "width": 40,
            "height": 32,
        }
        assert uri.startswith(DATA_URI)
        picture = Image.open(io.BytesIO(base64.b64decode(uri.removeprefix(DATA_URI))))
        assert (picture.format, picture.size) == ("JPEG", (40, 32))
        red, green, blue = picture.getpixel((20, 16))  # type: ignore[misc]
        assert red < 10
        assert green < 10
        assert blue > 245

    @pytest.mark.parametrize(
        "happening",
        [
            lambda store: store.update("a", lambda job, now: job.cancel(now)),
            lambda store: store.update("a", lambda job, now: job.lose_worker(3, now)),
            lambda store: (
                store.update("a", lambda job, now: job.lose_worker(3, now)),
                claim_job(store, "a", OTHER_TOKEN),
            ),
        ],
        ids=["canceled", "lost", "taken over"],
    )
    def test_tells_nothing_of_a_job_that_was(
        self,
        store: JobStore,
        log: EventLog,
        job: Job,
        happening: Callable[[JobStore], object],
    ) -> None:
        previews = wanted_previews(log, job)
        previews.take(1, Painter())
        happening(store)
        previews.tell()
        assert shown(log) == []
