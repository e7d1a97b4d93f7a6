"""The main job over real HTTP: a prompt in, the bundled model's picture out."""

import io

import httpx
import pytest
from PIL import Image

from tests.support.stack import eventually

QUICK: dict[str, object] = {
    "prompt": "a red circle on a blue background",
    "num_inference_steps": 5,
    "height": 256,
    "width": 256,
    "seed": 7,
}


def paint(client: httpx.Client, **fields: object) -> httpx.Response:
    response = client.post("/generate", json={**QUICK, **fields})
    assert response.status_code == 200, response.text
    return response


def open_picture(response: httpx.Response) -> Image.Image:
    return Image.open(io.BytesIO(response.content))


class TestGenerate:
    def test_answers_with_a_png_of_the_size_that_was_asked(self, client: httpx.Client) -> None:
        picture = open_picture(paint(client, height=320, width=264))
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (264, 320))

    def test_tells_how_the_picture_was_made(self, client: httpx.Client) -> None:
        headers = paint(client, guidance_scale=7).headers
        told = {name: headers[name] for name in ("x-seed", "x-steps", "x-guidance", "x-scheduler")}
        assert told == {
            "x-seed": "7",
            "x-steps": "5",
            "x-guidance": "7.0",
            "x-scheduler": "dpmsolver++",
        }
        assert headers["x-device"] == "cpu"

    @pytest.mark.parametrize("scheduler", ["dpmsolver++", "euler_ancestral"])
    def test_paints_the_same_bytes_for_the_same_request(
        self, client: httpx.Client, scheduler: str
    ) -> None:
        first = paint(client, scheduler=scheduler)
        paint(client, scheduler="euler_ancestral", prompt="a cat on a mat", seed=1)
        assert paint(client, scheduler=scheduler).content == first.content

    @pytest.mark.parametrize(
        "change",
        [
            {"seed": 8},
            {"prompt": "a green star on a white background"},
            {"negative_prompt": "red"},
            {"guidance_scale": 1},
            {"num_inference_steps": 6},
            {"scheduler": "euler_ancestral"},
        ],
    )
    def test_every_field_changes_the_picture(
        self, client: httpx.Client, change: dict[str, object]
    ) -> None:
        changed, picture = (open_picture(paint(client, **fields)) for fields in (change, {}))
        assert changed.tobytes() != picture.tobytes()

    @pytest.mark.parametrize("side", [256, 768])
    def test_paints_the_smallest_and_the_largest_size(
        self, client: httpx.Client, side: int
    ) -> None:
        assert open_picture(paint(client, height=side, width=side)).size == (side, side)


class TestJobs:
    def test_a_submitted_job_paints_the_picture_of_the_blocking_call(
        self, client: httpx.Client
    ) -> None:
        submitted = client.post("/jobs", json=QUICK)
        ended = client.get(submitted.headers["location"], params={"wait": 60}).json()
        assert ended["state"] == "succeeded"
        image = client.get(ended["urls"]["image"])
        assert image.content == paint(client).content

    def test_a_finished_job_says_what_it_was_painted_with(self, client: httpx.Client) -> None:
        job_id = paint(client).headers["x-job-id"]
        job = client.get(f"/jobs/{job_id}").json()
        assert job["progress"] == {"step": 5, "total": 5, "fraction": 1.0}
        build = job["result"]["build"]
        assert (build["model"], build["device"], build["dtype"]) == ("demo", "cpu", "float32")
        assert build["model_revision"].startswith("sha256:")
        assert set(build["versions"]) == {"torch", "diffusers", "transformers", "numpy", "pillow"}

    def test_progress_rises_step_by_step_while_the_job_runs(self, client: httpx.Client) -> None:
        job_url = client.post("/jobs", json={**QUICK, "num_inference_steps": 60}).json()["urls"]
        seen: list[float] = []

        def look() -> str:
            job = client.get(job_url["self"]).json()
            seen.append(job["progress"]["fraction"])
            return str(job["state"])

        eventually(look, until=lambda state: state == "succeeded")
        assert seen == sorted(seen)
        assert seen[-1] == 1
        assert len(set(seen)) > 3

    def test_jobs_are_painted_in_the_order_of_their_submission(self, client: httpx.Client) -> None:
        urls = [client.post("/jobs", json=QUICK).headers["location"] for _ in range(4)]
        jobs = [client.get(url, params={"wait": 60}).json() for url in urls]
        started = [job["started_at"] for job in jobs]
        assert started == sorted(started)

    def test_a_queued_job_can_be_canceled_and_is_never_painted(self, client: httpx.Client) -> None:
        running, waiting = (
            client.post("/jobs", json={**QUICK, "num_inference_steps": 60}) for _ in range(2)
        )
        canceled = client.delete(waiting.headers["location"]).json()
        assert (canceled["state"], canceled["started_at"]) == ("canceled", None)
        assert client.get(canceled["urls"]["image"]).json()["error"] == "JobCanceled"
        ended = client.get(running.headers["location"], params={"wait": 60}).json()
        assert ended["state"] == "succeeded"

    def test_a_running_job_stops_at_its_next_step_when_it_is_canceled(
        self, client: httpx.Client
    ) -> None:
        before = paint(client).content
        slow = {**QUICK, "num_inference_steps": 60, "height": 768, "width": 768}
        url = client.post("/jobs", json=slow).headers["location"]
        eventually(lambda: client.get(url).json(), until=lambda job: job["progress"]["step"] >= 1)
        client.delete(url)
        ended = client.get(url, params={"wait": 60}).json()
        assert ended["state"] == "canceled"
        assert ended["progress"]["step"] < 60
        assert paint(client).content == before
