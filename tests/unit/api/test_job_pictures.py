import pytest
from redis import Redis

from api.job_pictures import JobPictures
from shared.errors import (
    ContentBlocked,
    GenerationFailed,
    JobCanceled,
    JobExpired,
    JobNotFinished,
    ServiceError,
)
from shared.job_parts import FailureType, JobFailure, JobState
from shared.jobs import Job
from shared.redis_images import RedisImages
from tests.support.builders import NOW, TOKEN, job_in

BLOCKED = JobFailure(type=FailureType.CONTENT_BLOCKED, detail="It was kept back.")


@pytest.fixture
def images(fake_redis: Redis) -> RedisImages:
    return RedisImages(fake_redis, result_ttl=60)


class TestPicture:
    def test_of_a_job_that_has_succeeded_is_there(self, images: RedisImages) -> None:
        job = job_in(JobState.SUCCEEDED)
        images.put(job, b"png")
        assert JobPictures(images).open(job).read() == b"png"

    def test_has_no_address_where_redis_keeps_it(self, images: RedisImages) -> None:
        assert JobPictures(images).signed_url(job_in(JobState.SUCCEEDED)) is None

    def test_that_is_gone_has_expired(self, images: RedisImages) -> None:
        with pytest.raises(JobExpired):
            JobPictures(images).open(job_in(JobState.SUCCEEDED))

    @pytest.mark.parametrize(
        ("job", "error"),
        [
            (job_in(JobState.QUEUED), JobNotFinished),
            (job_in(JobState.RUNNING), JobNotFinished),
            (job_in(JobState.CANCELING), JobNotFinished),
            (job_in(JobState.CANCELED), JobCanceled),
            (job_in(JobState.FAILED), GenerationFailed),
            (job_in(JobState.RUNNING).fail(TOKEN, BLOCKED, NOW), ContentBlocked),
        ],
    )
    def test_that_is_not_there_is_refused_with_the_reason(
        self, images: RedisImages, job: Job, error: type[ServiceError]
    ) -> None:
        for read in (JobPictures(images).open, JobPictures(images).signed_url):
            with pytest.raises(error):
                read(job)
