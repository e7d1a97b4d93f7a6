from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis
from structlog.testing import capture_logs

from shared.errors import JobExpired, StorageMisconfigured, StorageUnavailable
from shared.image_store import ImageStore
from shared.job_parts import JobState
from shared.jobs import Job
from shared.settings import Settings
from shared.storage import checked_images_for, images_for
from tests.support.builders import LATER, NOW, OTHER_TOKEN, WORKER, job_in
from tests.support.s3_server import Bucket

RESULT_TTL = 60
PNG = b"\x89PNG\r\n\x1a\n\x00\xff" * 100_000
RUNNING = job_in(JobState.RUNNING)
TAKEN_OVER = RUNNING.lose_worker(3, LATER).claim(OTHER_TOKEN, WORKER, LATER)
EVERYWHERE = ["redis", "fake_redis", "files", "bucket"]
SWEPT = ["files", "bucket"]

ImagesAt = Callable[[str], ImageStore]


def settings_for(url: str, *, signed: bool = False) -> Settings:
    return Settings(
        _env_file=None,
        storage_url=url,
        storage_signed_urls=signed,
        result_ttl=RESULT_TTL,
        job_timeout=600,
    )


@pytest.fixture
def images_at(request: pytest.FixtureRequest, fake_redis: Redis, tmp_path: Path) -> ImagesAt:
    """Give the store of a kind."""

    def images_at(kind: str) -> ImageStore:
        if kind == "files":
            return images_for(settings_for(f"file://{tmp_path}/pictures"), fake_redis)
        if kind == "bucket":
            bucket = request.getfixturevalue("bucket")
            return images_for(settings_for(bucket.url), fake_redis)
        return images_for(settings_for("redis://"), request.getfixturevalue(kind))

    return images_at


@pytest.fixture(params=EVERYWHERE)
def images(request: pytest.FixtureRequest, images_at: ImagesAt) -> ImageStore:
    return images_at(request.param)


@pytest.fixture(params=SWEPT)
def swept(request: pytest.FixtureRequest, images_at: ImagesAt) -> ImageStore:
    return images_at(request.param)


class TestImageStore:
    def test_gives_back_every_byte(self, images: ImageStore) -> None:
        images.put(RUNNING, PNG)
        download = images.open(RUNNING)
        assert (download.size, download.read() == PNG) == (len(PNG), True)

    def test_gives_the_picture_of_the_same_attempt_only(self, images: ImageStore) -> None:
        images.put(TAKEN_OVER, b"new")
        images.put(RUNNING, b"late")
        assert images.open(TAKEN_OVER).read() == b"new"

    def test_keeps_what_was_put_last(self, images: ImageStore) -> None:
        images.put(RUNNING, b"first")
        images.put(RUNNING, b"again")
        assert images.open(RUNNING).read() == b"again"

    @pytest.mark.parametrize("other", [job_in(JobState.RUNNING, "other"), TAKEN_OVER])
    def test_says_that_a_picture_which_is_not_there_has_expired(
        self, images: ImageStore, other: Job
    ) -> None:
        images.put(RUNNING, PNG)
        with pytest.raises(JobExpired, match=other.id):
            images.open(other)

    @pytest.mark.parametrize("times", [1, 2])
    def test_discards_once_and_for_all(self, images: ImageStore, times: int) -> None:
        images.put(RUNNING, PNG)
        for _ in range(times):
            images.discard(RUNNING)
        with pytest.raises(JobExpired):
            images.open(RUNNING)

    def test_signs_no_address_unless_it_is_asked_to(self, images: ImageStore) -> None:
        images.put(RUNNING, PNG)
        assert images.signed_url(RUNNING) is None

    def test_finds_nothing_wrong_with_what_is_set_up(self, images: ImageStore) -> None:
        images.check()
        images.check()

    def test_sweeps_no_picture_that_a_record_may_need(self, images: ImageStore) -> None:
        images.put(RUNNING, PNG)
        images.sweep(RUNNING.created_at + timedelta(seconds=600 + RESULT_TTL))
        assert images.open(RUNNING).read() == PNG


class TestRedis:
    def test_keeps_a_picture_longer_than_the_record(
        self, images_at: ImagesAt, redis: Redis
    ) -> None:
        images_at("redis").put(RUNNING, PNG)
        (key,) = redis.keys("semantic-bit:image:*")
        assert RESULT_TTL < redis.ttl(key) <= 2 * RESULT_TTL


class TestSweeping:
    # The two spans of ten minutes that the folders' names are good for.
    AFTERWARDS = NOW + timedelta(seconds=600 + RESULT_TTL, minutes=21)

    def test_drops_what_no_record_needs_any_more(self, swept: ImageStore) -> None:
        swept.put(RUNNING, PNG)
        swept.sweep(self.AFTERWARDS)
        with pytest.raises(JobExpired):
            swept.open(RUNNING)

    def test_does_no_harm_where_nothing_was_ever_kept(self, swept: ImageStore) -> None:
        swept.sweep(self.AFTERWARDS)

    def test_may_happen_twice(self, images_at: ImagesAt, bucket: Bucket) -> None:
        one, another = images_at("bucket"), images_at("bucket")
        one.put(RUNNING, PNG)
        one.put(job_in(JobState.RUNNING, "other"), PNG)
        one.sweep(self.AFTERWARDS)
        another.sweep(self.AFTERWARDS)
        assert bucket.keys() == []

    def test_drops_what_a_crash_has_left_and_nothing_that_is_not_ours(
        self, images_at: ImagesAt, tmp_path: Path
    ) -> None:
        images = images_at("files")
        images.put(RUNNING, PNG)
        (picture,) = (tmp_path / "pictures").rglob("*.png")
        picture.with_suffix(".0123").write_bytes(b"half")
        stranger = tmp_path / "pictures" / "20200101" / "a.png"
        stranger.parent.mkdir()
        stranger.touch()
        images.sweep(self.AFTERWARDS)
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == [stranger]

    def test_leaves_a_strangers_objects(self, images_at: ImagesAt, bucket: Bucket) -> None:
        stranger = "some/prefix/20200101/a.png"
        bucket.put(stranger)
        images = images_at("bucket")
        images.put(RUNNING, PNG)
        images.sweep(self.AFTERWARDS)
        assert bucket.keys() == [stranger]

    def test_takes_a_picture_that_a_lost_attempt_writes_afterwards(self, swept: ImageStore) -> None:
        swept.sweep(self.AFTERWARDS)
        swept.put(RUNNING, PNG)
        swept.sweep(self.AFTERWARDS)
        with pytest.raises(JobExpired):
            swept.open(RUNNING)


class TestFiles:
    def test_are_seen_whole_or_not_at_all(self, images_at: ImagesAt, tmp_path: Path) -> None:
        images = images_at("files")
        images.put(RUNNING, PNG)
        names = [path.suffix for path in tmp_path.rglob("*") if path.is_file()]
        assert names == [".png"]

    def test_say_that_the_store_is_away_where_the_folder_cannot_be_used(
        self, images_at: ImagesAt, tmp_path: Path
    ) -> None:
        images = images_at("files")
        (tmp_path / "pictures").touch()
        with pytest.raises(StorageUnavailable):
            images.put(RUNNING, PNG)
        with pytest.raises(StorageUnavailable):
            images.open(RUNNING)

    def test_stop_the_start_where_the_folder_cannot_be_written(
        self, images_at: ImagesAt, tmp_path: Path
    ) -> None:
        (tmp_path / "pictures").touch()
        with pytest.raises(StorageMisconfigured, match=r"^the folder cannot be written \("):
            images_at("files").check()


class TestBuckets:
    def test_sign_an_address_that_needs_nothing_else(
        self, bucket: Bucket, fake_redis: Redis
    ) -> None:
        images = images_for(settings_for(bucket.url, signed=True), fake_redis)
        images.put(RUNNING, PNG)
        url = images.signed_url(RUNNING)
        assert url is not None
        assert url.startswith(f"{bucket.endpoint}/{bucket.name}/some/prefix/")
        assert bucket.secrets["AWS_SECRET_ACCESS_KEY"] not in url
        answer = bucket.fetch(url)
        assert (answer.headers["content-type"], answer.content == PNG) == ("image/png", True)

    def test_keep_objects_below_the_prefix(self, images_at: ImagesAt, bucket: Bucket) -> None:
        images_at("bucket").put(RUNNING, PNG)
        (key,) = bucket.keys()
        assert key == f"some/prefix/{NOW:%Y%m%d-%H}{NOW.minute // 10}0/{RUNNING.id}-1.png"

    @pytest.mark.usefixtures("bucket")
    def test_stop_the_start_where_they_are_not_there(self, fake_redis: Redis) -> None:
        with pytest.raises(StorageMisconfigured) as stopped:
            checked_images_for(settings_for("s3://elsewhere"), fake_redis)
        assert str(stopped.value) == "the bucket 'elsewhere' cannot be used (NoSuchBucket)"

    def test_stop_the_start_where_half_of_the_credentials_is_missing(
        self, bucket: Bucket, fake_redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        with pytest.raises(StorageMisconfigured, match=r"\(Missing SecretAccessKey\)$"):
            checked_images_for(settings_for(bucket.url), fake_redis)

    def test_do_not_stop_the_start_where_nobody_answers(
        self, bucket: Bucket, fake_redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        images = checked_images_for(settings_for(bucket.url), fake_redis)
        with pytest.raises(StorageUnavailable):
            images.put(RUNNING, PNG)
        images.discard(RUNNING)

    def test_that_are_dropped_while_it_runs_are_away_not_expired(
        self, images_at: ImagesAt, bucket: Bucket
    ) -> None:
        images = images_at("bucket")
        images.put(RUNNING, PNG)
        bucket.drop()
        with pytest.raises(StorageUnavailable):
            images.open(RUNNING)
        with pytest.raises(StorageUnavailable):
            images.sweep(NOW)

    def test_write_no_secrets_into_the_log(
        self, bucket: Bucket, fake_redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        with capture_logs() as told, pytest.raises(StorageUnavailable):
            images_for(settings_for(bucket.url), fake_redis).put(RUNNING, PNG)
        assert told == [
            {
                "event": "the store of pictures does not answer",
                "log_level": "warning",
                "reason": "GenericError",
            }
        ]
