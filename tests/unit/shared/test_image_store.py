import pytest
from redis import Redis

from shared.errors import JobExpired
from shared.image_store import ImageStore
from shared.job_parts import JobState
from shared.jobs import Job
from tests.support.builders import LATER, OTHER_TOKEN, WORKER, job_in

RESULT_TTL = 60
PNG = b"\x89PNG\r\n\x1a\n\x00\xff" * 1000
RUNNING = job_in(JobState.RUNNING)
TAKEN_OVER = RUNNING.lose_worker(3, LATER).claim(OTHER_TOKEN, WORKER, LATER)


@pytest.fixture
def images(any_redis: Redis) -> ImageStore:
    return ImageStore(any_redis, result_ttl=RESULT_TTL)


class TestImageStore:
    def test_gives_back_every_byte(self, images: ImageStore) -> None:
        images.put(RUNNING, PNG)
        assert images.get(RUNNING) == PNG

    def test_gives_the_picture_of_the_same_attempt_only(self, images: ImageStore) -> None:
        images.put(TAKEN_OVER, b"new")
        images.put(RUNNING, b"late")
        assert images.get(TAKEN_OVER) == b"new"

    @pytest.mark.parametrize("other", [job_in(JobState.RUNNING, "other"), TAKEN_OVER])
    def test_says_that_a_picture_which_is_not_there_has_expired(
        self, images: ImageStore, other: Job
    ) -> None:
        images.put(RUNNING, PNG)
        with pytest.raises(JobExpired, match=other.id):
            images.get(other)

    def test_outlives_the_record(self, images: ImageStore, any_redis: Redis) -> None:
        images.put(RUNNING, PNG)
        (key,) = any_redis.keys("semantic-bit:image:*")
        assert RESULT_TTL < any_redis.ttl(key) <= 2 * RESULT_TTL

    @pytest.mark.parametrize("times", [1, 2])
    def test_discards_once_and_for_all(self, images: ImageStore, times: int) -> None:
        images.put(RUNNING, PNG)
        for _ in range(times):
            images.discard(RUNNING)
        with pytest.raises(JobExpired):
            images.get(RUNNING)
