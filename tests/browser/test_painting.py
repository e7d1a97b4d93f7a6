import io
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Route, expect

from tests.browser.conftest import Visit
from tests.support.stack import Stack, eventually
from tests.support.studio import PATIENCE_SECONDS, QUICK, SLOW, UNHURRIED, Studio

pytestmark = pytest.mark.timeout(2 * PATIENCE_SECONDS)

APPLE = "a red apple on a white table"
CAT = "a cat on a mat, digital art"


class TestPainting:
    def test_a_finished_picture_is_in_the_gallery_with_its_parameters(self, studio: Studio) -> None:
        studio.paint(APPLE, **QUICK, Guidance="6.5", Seed="42", **{"Negative prompt": "blue"})
        expect(studio.pictures).to_have_count(1)
        expect(studio.cards).to_have_count(0)

        studio.page.get_by_role("button", name=APPLE).click()
        dialog = studio.page.get_by_role("dialog", name=APPLE)
        expect(dialog.get_by_role("img", name=APPLE)).to_be_visible()
        facts = dict(
            zip(
                dialog.get_by_role("term").all_inner_texts(),
                dialog.get_by_role("definition").all_inner_texts(),
                strict=True,
            )
        )
        asked = {
            "Prompt": APPLE,
            "Negative prompt": "blue",
            "Size": "256 × 256",  # noqa: RUF001  # The sign that is shown.
            "Steps": "5",
            "Guidance": "6.5",
            "Seed": "42",
            "Scheduler": "DPM++ 2M",
            "Model": "demo",
            "Precision": "float32",
            "Attempts": "1",
        }
        assert facts.items() >= asked.items()
        assert facts["Device"].startswith("cpu")
        assert {"Revision", "Painting", "Altogether", "Finished", "Job"} <= set(facts)

    def test_what_is_typed_and_clicked_before_the_limits_are_known_counts(
        self, studio: Studio
    ) -> None:
        page = studio.page
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        page.route("**/studio/limits.json", hold)
        page.reload()
        page.get_by_label("Prompt", exact=True).fill(APPLE)
        page.get_by_label("Steps", exact=True).fill("5")
        page.get_by_role("button", name="Paint").click()
        held[0].continue_()
        expect(studio.pictures).to_contain_text(APPLE)
        expect(studio.pictures).to_contain_text("512 × 512")  # noqa: RUF001  # The sign shown.

    def test_shows_a_preview_that_changes_and_a_bar_that_rises(self, studio: Studio) -> None:
        studio.paint(APPLE, **SLOW)
        preview, bar = studio.cards.locator("img"), studio.cards.get_by_role("progressbar")
        expect(preview).to_have_attribute("src", re.compile("^data:image/jpeg;base64,"))
        expect(studio.cards).to_contain_text(re.compile(r"Step \d+ of 60 · about \d+ (s|min)"))
        first, done = preview.get_attribute("src"), bar.get_attribute("aria-valuenow")
        assert first is not None
        assert done is not None
        expect(preview).not_to_have_attribute("src", first)
        eventually(
            lambda: int(bar.get_attribute("aria-valuenow") or 0), until=lambda now: now > int(done)
        )

    def test_several_jobs_wait_beside_each_other_and_each_can_be_canceled(
        self, studio: Studio, stack: Stack
    ) -> None:
        studio.paint(APPLE, **SLOW)
        studio.paint(CAT)
        studio.paint("a blue circle")
        expect(studio.cards.nth(1)).to_contain_text("Next in the queue")
        expect(studio.cards.nth(2)).to_contain_text("1 picture before it")
        job_id = studio.cards.nth(1).get_attribute("data-job")
        studio.cards.nth(1).get_by_role("button", name="Cancel").click()
        expect(studio.cards).to_have_count(2)
        expect(studio.cards.nth(1)).to_contain_text("Next in the queue")
        expect(studio.cards.nth(1).get_by_role("button", name="Cancel")).to_be_focused()
        assert httpx.get(f"{stack.url}/jobs/{job_id}").json()["state"] == "canceled"

    def test_many_jobs_leave_room_for_other_requests(self, studio: Studio) -> None:
        """A browser opens six connections to a server, and a stream keeps one for itself."""
        for amount in range(1, 9):
            studio.paint(APPLE, **SLOW)
            expect(studio.cards).to_have_count(amount)
        expect(studio.cards.last).to_contain_text("before it")
        studio.cards.last.get_by_role("button", name="Cancel").click()
        expect(studio.cards).to_have_count(7)

    def test_cancel_stops_the_one_that_is_painted(self, studio: Studio, stack: Stack) -> None:
        studio.paint(APPLE, **SLOW)
        expect(studio.cards).to_contain_text("Step ")
        url = f"{stack.url}/jobs/{studio.job_id()}"
        studio.page.get_by_role("button", name="Cancel").click()
        expect(studio.cards).to_have_count(0)
        job = httpx.get(url).json()
        assert job["state"] == "canceled"
        assert job["progress"]["step"] < 60
        expect(studio.pictures).to_have_count(0)

    def test_a_reload_finds_the_job_again_and_collects_its_picture(self, studio: Studio) -> None:
        studio.paint(APPLE, **UNHURRIED)
        expect(studio.cards).to_contain_text("Step ")
        job_id = studio.job_id()
        studio.reload()
        assert studio.job_id() == job_id
        expect(studio.pictures).to_have_count(1)
        studio.reload()
        expect(studio.pictures).to_have_count(1)
        expect(studio.cards).to_have_count(0)

    def test_collects_what_was_finished_while_the_page_was_closed(
        self, studio: Studio, stack: Stack
    ) -> None:
        studio.paint(APPLE, **QUICK)
        job_id = studio.job_id()
        studio.page.goto("about:blank")
        httpx.get(f"{stack.url}/jobs/{job_id}", params={"wait": 60}, timeout=90)
        studio.open()
        expect(studio.pictures).to_have_count(1)

    def test_a_broken_connection_makes_no_second_picture(
        self, studio: Studio, stack: Stack
    ) -> None:
        """The server takes the job, but its answer never arrives; the page asks again."""
        before = len(jobs_of(stack))

        def lose_the_answer(route: Route) -> None:
            route.fetch()
            route.abort()

        studio.page.route("**/jobs", lose_the_answer, times=2)
        studio.paint(APPLE, **QUICK)
        expect(studio.pictures).to_have_count(1)
        assert len(jobs_of(stack)) == before + 1

    def test_a_long_prompt_is_told_in_tokens_and_cut_after_some_lines(self, studio: Studio) -> None:
        studio.paint("a red apple " * 30 + "zebra", **QUICK)
        expect(studio.pictures).to_have_count(1)
        dialog = studio.open_picture()
        expect(dialog).to_contain_text("94 tokens, read in 2 parts")
        heading = dialog.get_by_role("heading")
        box = heading.bounding_box()
        assert box is not None
        assert box["height"] > 40  # Not pressed together.

    def test_text_that_the_model_did_not_read_is_named(self, studio: Studio) -> None:
        """The worker of these tests reads everything; the page is told of one that does not."""

        def cut(route: Route) -> None:
            job = httpx.get(f"{route.request.url}?wait=60", timeout=90).json()
            build = {**job["result"]["build"], "chunk_tokens": 72}
            told = {"prompt_tokens": 91, "dropped_text": "zebra", "build": build}
            route.fulfill(json={**job, "result": {**job["result"], **told}})

        studio.page.route(re.compile(r"/jobs/[0-9a-f-]+$"), cut)
        studio.paint(APPLE, **QUICK)
        expect(studio.pictures).to_contain_text("prompt cut")
        expect(studio.open_picture()).to_contain_text(
            "The model read 72 of the prompt's 91 tokens; it did not read: “zebra”"
        )


class TestGallery:
    def test_the_same_request_again_paints_the_same_picture_and_another_seed_another(
        self, studio: Studio, stack: Stack
    ) -> None:
        studio.paint(APPLE, **QUICK, Seed="42")
        for amount, action in [(2, "Again"), (3, "Vary the seed")]:
            expect(studio.pictures).to_have_count(amount - 1)
            studio.pictures.last.click()
            studio.page.get_by_role("button", name=action).click()
            expect(studio.page.get_by_role("dialog")).to_be_hidden()
        expect(studio.pictures).to_have_count(3)
        varied, again, first = jobs_of(stack)[:3]
        assert again["request"] == first["request"]
        assert again["result"]["image_sha256"] == first["result"]["image_sha256"]
        assert varied["request"] != first["request"]
        assert {**varied["request"], "seed": 42} == first["request"]

    def test_a_download_is_the_png_named_for_its_seed(self, studio: Studio, stack: Stack) -> None:
        studio.paint(APPLE, **QUICK, Seed="7")
        studio.pictures.click()
        with studio.page.expect_download() as downloading:
            studio.page.get_by_role("link", name="Download").click()
        name = downloading.value.suggested_filename
        assert name == "a-red-apple-on-a-white-table-seed-7.png"
        png = Path(downloading.value.path()).read_bytes()
        image = httpx.get(f"{stack.url}{jobs_of(stack)[0]['urls']['image']}")
        assert png == image.content
        assert Image.open(io.BytesIO(png)).size == (256, 256)

    def test_a_copied_command_holds_the_request_also_on_a_page_that_is_not_secure(
        self, visit: Visit, stack: Stack
    ) -> None:
        url = f"http://studio.test:{stack.port}"
        studio = visit(url)
        assert studio.page.evaluate("isSecureContext") is False
        studio.paint("a cat's mat", **QUICK, Seed="7")
        studio.pictures.click()
        studio.page.get_by_role("button", name="Copy as curl").click()
        expect(studio.page.get_by_role("button", name="Copied")).to_be_visible()
        studio.page.keyboard.press("Escape")
        prompt = studio.page.get_by_label("Prompt", exact=True)
        prompt.fill("")
        prompt.press("Control+V")
        command = prompt.input_value()
        assert command.startswith(f"curl -X POST '{url}/generate'")
        body = re.search(r"-d '(.*)' \\\n", command)
        assert body is not None
        request = json.loads(body[1].replace(r"'\''", "'"))
        assert (request["prompt"], request["seed"]) == ("a cat's mat", 7)

    def test_the_values_of_a_picture_can_be_taken_into_the_form(self, studio: Studio) -> None:
        studio.paint(APPLE, **QUICK, Seed="7")
        expect(studio.pictures).to_have_count(1)
        studio.page.get_by_role("button", name="Keep the seed").click()
        studio.page.get_by_role("button", name="Back to the defaults").click()
        studio.fill("something else")
        studio.pictures.click()
        studio.page.get_by_role("button", name="Use these values").click()
        for label, value in {"Prompt": APPLE, **QUICK, "Seed": "7"}.items():
            expect(studio.page.get_by_label(label, exact=True)).to_have_value(value)
        expect(
            studio.page.get_by_role("button", name="Keep the seed", pressed=True)
        ).to_be_visible()

    def test_a_picture_is_the_browsers_own_until_it_is_deleted(self, studio: Studio) -> None:
        studio.paint(APPLE, **QUICK)
        expect(studio.pictures).to_have_count(1)
        studio.page.route("**/jobs/**", lambda route: route.abort())
        studio.reload()
        studio.pictures.click()
        expect(studio.page.get_by_role("dialog").get_by_role("img", name=APPLE)).to_be_visible()
        studio.page.get_by_role("button", name="Delete").click()
        studio.page.get_by_role("button", name="Delete for good?").click()
        expect(studio.pictures).to_have_count(0)
        studio.reload()
        expect(studio.page.get_by_text("Your pictures gather here.")).to_be_visible()


def jobs_of(stack: Stack) -> list[dict[str, Any]]:
    """Give the service's jobs, newest first."""
    jobs: list[dict[str, Any]] = httpx.get(f"{stack.url}/jobs", params={"limit": 100}).json()[
        "jobs"
    ]
    return jobs
