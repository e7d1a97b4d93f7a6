"""Pictures that are not in Redis, as clients find them."""

from pathlib import Path

import httpx
import pytest
from redis import Redis

from shared.image_store import ImageStore
from shared.job_parts import JobState
from shared.jobs import Job
from shared.settings import Settings
from shared.storage import images_for
from tests.contract.conftest import StartApi
from tests.contract.openai_client import ConnectTo
from tests.contract.serving import make_store, working
from tests.support.builders import bring_to
from tests.support.s3_server import Bucket

PNG = b"\x89PNG\r\n\x1a\n" * 100_000


def keep(images: ImageStore, redis: Redis) -> Job:
    """Give a job that has succeeded, whose picture is kept."""
    job = bring_to(make_store(redis), JobState.SUCCEEDED)
    images.put(job, PNG)
    return job


def images_at(url: str, redis: Redis) -> ImageStore:
    return images_for(Settings(_env_file=None, storage_url=url), redis)


@pytest.fixture
def places(bucket: Bucket, tmp_path: Path) -> dict[str, str]:
    return {"redis": "redis://", "files": (tmp_path / "a").as_uri(), "bucket": bucket.url}


class TestImage:
    @pytest.mark.parametrize("kind", ["redis", "files", "bucket"])
    def test_has_the_same_headers_and_bytes_wherever_it_is_kept(
        self, start_api: StartApi, redis: Redis, places: dict[str, str], kind: str
    ) -> None:
        url = places[kind]
        api = start_api(storage_url=url)
        job = keep(images_at(url, redis), redis)
        answer = api.get(f"/jobs/{job.id}/image")
        assert (answer.status_code, answer.content == PNG) == (200, True)
        told = {
            name: answer.headers[name]
            for name in (
                "content-type",
                "content-length",
                "content-disposition",
                "cache-control",
                "x-seed",
                "x-job-id",
            )
        }
        assert told == {
            "content-type": "image/png",
            "content-length": str(len(PNG)),
            "content-disposition": "inline; filename=generated.png",
            "cache-control": "no-store",
            "x-seed": "42",
            "x-job-id": job.id,
        }

    def test_is_a_503_of_its_own_while_the_bucket_is_away(
        self, start_api: StartApi, redis: Redis, bucket: Bucket
    ) -> None:
        api = start_api(storage_url=bucket.url)
        job = keep(images_at(bucket.url, redis), redis)
        bucket.drop()
        answer = api.get(f"/jobs/{job.id}/image")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json() == {
            "error": "StorageUnavailable",
            "code": 503,
            "detail": "The store of pictures is not reachable; try again in a moment.",
            "meta": None,
        }

    def test_is_a_410_where_it_is_gone(
        self, start_api: StartApi, redis: Redis, bucket: Bucket
    ) -> None:
        api = start_api(storage_url=bucket.url)
        job = bring_to(make_store(redis), JobState.SUCCEEDED)
        answer = api.get(f"/jobs/{job.id}/image")
        assert (answer.status_code, answer.json()["error"]) == (410, "JobExpired")


class TestSignedUrls:
    def test_lead_to_the_picture_without_a_key(
        self, start_api: StartApi, redis: Redis, bucket: Bucket
    ) -> None:
        api = start_api(storage_url=bucket.url, storage_signed_urls=True)
        job = keep(images_at(bucket.url, redis), redis)
        answer = api.get(f"/jobs/{job.id}/image", params={"redirect": True})
        assert (answer.status_code, answer.headers["x-seed"]) == (307, "42")
        assert bucket.fetch(answer.headers["location"]).content == PNG

    def test_are_given_to_nobody_who_does_not_ask(
        self, start_api: StartApi, redis: Redis, bucket: Bucket
    ) -> None:
        api = start_api(storage_url=bucket.url, storage_signed_urls=True)
        job = keep(images_at(bucket.url, redis), redis)
        assert api.get(f"/jobs/{job.id}/image").status_code == 200

    @pytest.mark.parametrize("changes", [{}, {"storage_signed_urls": True}])
    def test_are_the_picture_itself_where_there_are_none(
        self, start_api: StartApi, redis: Redis, changes: dict[str, object]
    ) -> None:
        api = start_api(**changes)
        job = keep(images_at("redis://", redis), redis)
        answer = api.get(f"/jobs/{job.id}/image", params={"redirect": True})
        assert (answer.status_code, answer.content == PNG) == (200, True)

    def test_say_that_a_job_has_no_picture(
        self, start_api: StartApi, redis: Redis, bucket: Bucket
    ) -> None:
        api = start_api(storage_url=bucket.url, storage_signed_urls=True)
        job = bring_to(make_store(redis), JobState.QUEUED)
        answer = api.get(f"/jobs/{job.id}/image", params={"redirect": True})
        assert (answer.status_code, answer.json()["error"]) == (409, "JobNotFinished")


class TestOpenAi:
    @pytest.mark.parametrize("signed", [True, False])
    def test_urls_are_the_buckets_where_it_signs_them(
        self,
        start_api: StartApi,
        connect_to: ConnectTo,
        redis: Redis,
        bucket: Bucket,
        *,
        signed: bool,
    ) -> None:
        api = start_api(storage_url=bucket.url, storage_signed_urls=signed)
        with working(redis, images=images_at(bucket.url, redis)):
            answer = connect_to(api).images.generate(
                prompt="a", size="256x256", response_format="url"
            )
        assert answer.data is not None
        url = answer.data[0].url
        assert url is not None
        assert url.startswith(bucket.endpoint if signed else str(api.base_url))
        assert httpx.get(url).headers["content-type"] == "image/png"


class TestStart:
    @pytest.mark.usefixtures("bucket")
    def test_stops_with_one_line_where_the_bucket_is_not_there(self, start_api: StartApi) -> None:
        with pytest.raises(SystemExit) as stopped:
            start_api(storage_url="s3://elsewhere")
        assert stopped.value.code == (
            "Wrong setting STORAGE_URL: the bucket 'elsewhere' cannot be used (NoSuchBucket)."
        )
