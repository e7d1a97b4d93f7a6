import io

import httpx
import pytest
from PIL.PngImagePlugin import PngInfo
from redis import Redis

from shared.job_parts import CancelReason, JobState
from shared.job_store import JobStore
from tests.contract.conftest import StartApi
from tests.contract.serving import working
from tests.support.builders import BUILD
from tests.support.pipelines import (
    CallsBeforeItReturns,
    PaintsFlat,
    PaintsUntilInterrupted,
    runs_out_of_memory,
)
from tests.support.pngs import flat_png, open_png, with_a_pixel_changed
from tests.unit.eventually import eventually
from worker.painting import Pipeline

REQUEST = {
    "prompt": "a cat on a mat",
    "num_inference_steps": 5,
    "width": 320,
    "height": 256,
    "seed": 42,
}


@pytest.fixture
def png(client: httpx.Client, redis: Redis) -> bytes:
    """A picture of ours."""
    with working(redis):
        return client.post("/generate", json=REQUEST).content


def verify(
    client: httpx.Client, redis: Redis, png: bytes, pipeline: Pipeline | None = None
) -> httpx.Response:
    with working(redis, pipeline):
        return client.post("/verify", content=png, headers={"Content-Type": "image/png"})


def saved_again(png: bytes) -> bytes:
    """Save as another program would: another compression, another form of the same texts."""
    image, again, texts = open_png(png), io.BytesIO(), PngInfo()
    for name, text in image.info.items():
        texts.add_itxt(str(name), text, zip=True)
    image.convert("RGBA").save(again, "PNG", pnginfo=texts, optimize=True)
    return again.getvalue()


class TestVerify:
    def test_finds_a_picture_equal_to_itself(
        self, client: httpx.Client, redis: Redis, store: JobStore, png: bytes
    ) -> None:
        answer = verify(client, redis, png).json()
        job_id = answer.pop("job_id")
        assert answer == {
            "equal": True,
            "pixels_differing": 0,
            "largest_difference": 0,
            "build": {},
            "verdict": "The pixels are equal, and so is the build.",
        }
        job = store.get(job_id)
        assert (job.state, job.request.seed) == (JobState.SUCCEEDED, 42)

    def test_finds_a_picture_equal_that_another_program_has_saved(
        self, client: httpx.Client, redis: Redis, png: bytes
    ) -> None:
        again = saved_again(png)
        assert again != png
        assert verify(client, redis, again).json()["equal"] is True

    def test_finds_one_pixel_that_was_changed_by_one(
        self, client: httpx.Client, redis: Redis, png: bytes
    ) -> None:
        answer = verify(client, redis, with_a_pixel_changed(png)).json()
        assert (answer["equal"], answer["build"]) == (False, {})
        assert (answer["pixels_differing"], answer["largest_difference"]) == (1 / (320 * 256), 1)

    def test_says_what_differs_in_the_build_that_painted_it(
        self, client: httpx.Client, redis: Redis, png: bytes
    ) -> None:
        build = BUILD.model_copy(update={"versions": {**BUILD.versions, "torch": "2"}})
        answer = verify(client, redis, png, PaintsFlat("blue", build)).json()
        assert (answer["equal"], answer["pixels_differing"]) == (False, 1)
        assert answer["build"] == {"versions.torch": {"recorded": "1", "now": "2"}}
        assert answer["verdict"] == "The pixels differ, and so does the build: versions.torch."

    def test_paints_nothing_where_the_size_was_changed(
        self, client: httpx.Client, png: bytes
    ) -> None:
        texts = {str(name): text for name, text in open_png(png).info.items()}
        answer = client.post("/verify", content=flat_png(texts, size=(32, 32))).json()
        assert (answer["equal"], answer["job_id"]) == (False, None)
        assert len(client.get("/jobs").json()["jobs"]) == 1  # The fixture's own.

    def test_refuses_a_picture_that_does_not_say_its_seed(self, client: httpx.Client) -> None:
        text = "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Size: 256x256"
        response = client.post("/verify", content=flat_png({"parameters": text}))
        message = "cannot be painted again: its metadata gives no seed to use here"
        assert response.status_code == 422
        assert response.json()["meta"]["errors"] == [
            {"loc": ["body"], "msg": message, "type": "incomplete_metadata"}
        ]

    def test_says_why_it_could_not_be_painted(
        self, client: httpx.Client, redis: Redis, png: bytes
    ) -> None:
        response = verify(client, redis, png, runs_out_of_memory())
        assert (response.status_code, response.json()["error"]) == (500, "GenerationFailed")

    def test_says_that_nothing_can_paint_it(
        self, client: httpx.Client, redis: Redis, png: bytes
    ) -> None:
        redis.flushdb()
        response = client.post("/verify", content=png)
        assert (response.status_code, response.json()["error"]) == (503, "ModelNotLoaded")

    def test_waits_as_long_as_any_blocking_call(self, start_api: StartApi, png: bytes) -> None:
        response = start_api(request_timeout=0.1).post("/verify", content=png)
        assert (response.status_code, response.json()["error"]) == (504, "GenerationTimeout")
        assert response.headers["location"] == response.json()["meta"]["job_url"]

    def test_cancels_its_job_when_the_client_leaves(
        self, client: httpx.Client, redis: Redis, store: JobStore, png: bytes
    ) -> None:
        pipeline = PaintsUntilInterrupted()
        with working(redis, pipeline), httpx.Client(base_url=client.base_url) as leaving:
            with pytest.raises(httpx.ReadTimeout):
                leaving.post("/verify", content=png, timeout=httpx.Timeout(60, read=0.5))
            (job_id,) = eventually(lambda: _canceled(client), until=lambda ids: len(ids) == 1)
        receipt = store.get(job_id).cancellation
        assert receipt is not None
        assert receipt.reason is CancelReason.CLIENT_DISCONNECTED

    def test_says_that_somebody_canceled_its_job(
        self, client: httpx.Client, redis: Redis, store: JobStore, png: bytes
    ) -> None:
        def cancel() -> None:
            (job_id,) = store.held_ids()
            store.update(job_id, lambda job, now: job.cancel(now))

        response = verify(client, redis, png, CallsBeforeItReturns(cancel))
        assert (response.status_code, response.json()["error"]) == (409, "JobCanceled")


def _canceled(client: httpx.Client) -> list[str]:
    jobs = client.get("/jobs", params={"state": "canceled"}).json()["jobs"]
    return [job["id"] for job in jobs]
