import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Route, expect

from shared.worker_registry import WorkerRegistry
from tests.browser.conftest import StartApi, Visit, newest_job
from tests.support.stack import Stack, eventually
from tests.support.studio import PATIENCE_SECONDS, QUICK, SLOW, UNHURRIED

pytestmark = pytest.mark.timeout(2 * PATIENCE_SECONDS)

APPLE = "a red apple on a white table"
CAT = "a cat on a mat, digital art"


class TestMistakes:
    def test_what_is_out_of_range_is_said_at_its_field_before_anything_is_sent(
        self, visit: Visit
    ) -> None:
        studio = visit()
        sent: list[str] = []
        studio.page.on("request", lambda request: sent.append(request.method))
        studio.paint("", Width="999", Steps="2", Seed="-1")
        prompt = studio.page.get_by_label("Prompt", exact=True)
        expect(prompt).to_be_focused()
        expect(prompt).to_have_accessible_description("Say what the picture shows.")
        for label, said in {
            "Width": "A whole number from 256 to 768, a multiple of 8.",
            "Steps": "A whole number from 5 to 60.",
        }.items():
            field = studio.page.get_by_label(label, exact=True)
            expect(field).to_have_attribute("aria-invalid", "true")
            expect(field).to_have_accessible_description(said)
            expect(studio.page.get_by_text(said)).to_be_visible()
        assert "POST" not in sent

    def test_what_the_server_refuses_is_said_at_its_field_too(self, visit: Visit) -> None:
        """The page is made to believe that there is no limit."""
        studio = visit()

        def forget_the_limits(route: Route) -> None:
            schemas = route.fetch().json()
            for name in ("maximum", "multipleOf"):
                del schemas["JobSubmission"]["properties"]["width"][name]
            route.fulfill(json=schemas)

        studio.page.route("**/studio/limits.json", forget_the_limits)
        studio.reload()
        studio.paint(APPLE, Width="999")
        width = studio.page.get_by_label("Width", exact=True)
        expect(width).to_be_focused()
        expect(width).to_have_attribute("aria-invalid", "true")
        expect(width).to_have_accessible_description(re.compile("999"))
        width.fill("512")
        expect(width).not_to_have_attribute("aria-invalid", "true")


class TestKey:
    def test_a_wrong_key_asks_for_the_key_and_goes_on_once_it_is_right(
        self, visit: Visit, start_api: StartApi
    ) -> None:
        studio = visit(start_api(API_KEY="the-right-one,schlüssel").url)
        page = studio.page
        studio.paint(APPLE, **QUICK)
        dialog = page.get_by_role("dialog", name="This service needs a key")
        key = dialog.get_by_label("Key")
        expect(key).to_be_focused()
        key.fill("a wrong one")
        key.press("Enter")
        expect(dialog.get_by_role("alert")).to_have_text("The service did not accept this key.")
        key.fill("schlüssel")
        key.press("Enter")
        expect(dialog).to_be_hidden()
        expect(studio.pictures).to_have_count(1)

        studio.reload()
        studio.paint(CAT)
        expect(studio.pictures).to_have_count(2)
        page.get_by_role("button", name="Key").click()
        page.get_by_role("button", name="Forget it").click()
        studio.paint(CAT)
        expect(key).to_have_value("")
        page.get_by_role("button", name="Not now").click()
        expect(studio.outcome).to_have_text("This service needs a key.")
        page.get_by_role("button", name="Enter the key").click()
        key.fill("the-right-one")
        key.press("Enter")
        expect(studio.pictures).to_have_count(3)

    def test_a_running_job_is_followed_again_once_the_key_is_there(
        self, visit: Visit, start_api: StartApi
    ) -> None:
        api = start_api(API_KEY="the-right-one")
        studio = visit(api.url)
        page = studio.page
        studio.paint(APPLE, **UNHURRIED)
        page.get_by_label("Key", exact=True).fill("the-right-one")
        page.keyboard.press("Enter")
        expect(studio.cards).to_contain_text("Step ")
        page.get_by_role("button", name="Key").click()
        page.get_by_role("button", name="Forget it").click()
        studio.reload()
        page.get_by_role("button", name="Not now").click()
        expect(studio.cards).to_contain_text("The service wants a key.")
        page.get_by_role("button", name="Enter the key").click()
        page.get_by_label("Key", exact=True).fill("the-right-one")
        page.keyboard.press("Enter")
        expect(studio.pictures).to_have_count(1)


class TestFullQueue:
    def test_is_said_beside_the_button_and_tried_again_only_where_that_was_asked_for(
        self, visit: Visit, start_api: StartApi
    ) -> None:
        studio = visit(start_api(MAX_CONCURRENT_REQUESTS="1").url)
        page = studio.page
        answers: list[int] = []

        def shorten_the_wait(route: Route) -> None:
            answer = route.fetch()
            answers.append(answer.status)
            headers = dict(answer.headers)
            if "retry-after" in headers:
                headers["retry-after"] = "2"
            route.fulfill(response=answer, headers=headers)

        def refusals() -> int:
            page.title()  # Only while Playwright is asked something does it route.
            return answers.count(429)

        page.route("**/jobs", shorten_the_wait)
        studio.paint(APPLE, **SLOW)
        expect(studio.cards).to_have_count(1)
        studio.paint(CAT, **QUICK)
        expect(studio.outcome).to_have_text("The queue is full: its only place is taken.")
        expect(page.get_by_text("There may be room in 2 s.")).to_be_visible()
        expect(page.get_by_text("There may be room now.")).to_be_visible()
        assert answers == [202, 429]

        page.get_by_role("button", name="Try now").click()
        page.get_by_label("Try again by itself").check()
        eventually(refusals, until=lambda amount: amount >= 4)
        studio.cards.get_by_role("button", name="Cancel").click()
        expect(studio.pictures).to_have_count(1)
        expect(studio.pictures).to_contain_text(CAT)
        expect(studio.outcome).to_be_hidden()


class TestDeadWorker:
    def test_is_said_in_the_banner_until_there_is_one_again(
        self, visit: Visit, tmp_path: Path
    ) -> None:
        with Stack(tmp_path) as stack:
            stack.start("redis", "worker", "api")
            stack.wait_until_ready()
            studio = visit(stack.url)
            page = studio.page
            expect(page.get_by_text(re.compile("demo · .+ · float32"))).to_be_visible()

            stack.kill("worker")
            forget_workers(stack)
            page.evaluate("dispatchEvent(new Event('focus'))")
            banner = page.get_by_text("No picture can be made now: no worker is running.")
            expect(banner.first).to_be_visible()
            expect(page.get_by_text("No worker is running", exact=True)).to_be_visible()
            studio.paint(APPLE, **QUICK)
            expect(studio.outcome).to_contain_text("no worker is running")

            stack.start("worker")
            stack.wait_until_ready()
            page.evaluate("dispatchEvent(new Event('focus'))")
            page.get_by_role("button", name="Try again").click()
            expect(studio.pictures).to_have_count(1)
            expect(banner).to_have_count(0)

    def test_a_job_whose_worker_was_killed_starts_again_and_is_collected(
        self, visit: Visit, tmp_path: Path
    ) -> None:
        with Stack(tmp_path, {"LEASE_SECONDS": "3"}) as stack:
            stack.start("redis", "worker", "api")
            stack.wait_until_ready()
            studio = visit(stack.url)
            studio.paint(APPLE, **UNHURRIED)
            expect(studio.cards).to_contain_text("Step ")
            stack.kill("worker")
            expect(studio.cards).to_contain_text("in the queue")
            stack.start("worker")
            expect(studio.pictures).to_have_count(1)


class TestLostConnection:
    def test_a_job_is_followed_again_after_the_api_was_away(
        self, visit: Visit, start_api: StartApi
    ) -> None:
        api = start_api()
        studio = visit(api.url)
        studio.paint(APPLE, **UNHURRIED)
        expect(studio.cards).to_contain_text("Step ")
        api.kill("api")
        expect(studio.cards).to_contain_text("Connection lost. Reconnecting…")
        expect(studio.page.get_by_text("The server does not answer.").first).to_be_visible()
        api.start("api")
        expect(studio.pictures).to_have_count(1)
        expect(studio.page.get_by_text("The server does not answer.")).to_have_count(0)

    def test_what_is_asked_for_meanwhile_is_sent_once_the_server_is_back(
        self, visit: Visit, start_api: StartApi
    ) -> None:
        api = start_api()
        studio = visit(api.url)
        api.kill("api")
        studio.paint(APPLE, **QUICK)
        expect(studio.outcome).to_contain_text("Trying again")
        api.start("api")
        expect(studio.pictures).to_have_count(1)
        expect(studio.outcome).to_be_hidden()


class TestFailedJob:
    def test_says_why_and_can_be_asked_for_again(self, visit: Visit) -> None:
        """The first answer about the job tells of a failure; the rest is the service's own."""
        studio = visit()

        def fail(route: Route) -> None:
            job = httpx.get(route.request.url).json()
            detail = "The GPU's memory does not suffice for this picture."
            error = {"type": "gpu_out_of_memory", "detail": detail}
            route.fulfill(json={**job, "state": "failed", "error": error})

        studio.page.route(re.compile(r"/jobs/[0-9a-f-]+$"), fail, times=1)
        studio.paint(APPLE, **QUICK)
        expect(studio.cards).to_contain_text("The GPU's memory does not suffice for this picture.")
        studio.page.get_by_role("button", name="Try again").click()
        expect(studio.pictures).to_have_count(1)
        expect(studio.cards).to_have_count(0)

    def test_a_picture_that_the_safety_checker_kept_back_is_asked_for_with_another_seed(
        self, visit: Visit, stack: Stack
    ) -> None:
        studio = visit()

        def block(route: Route) -> None:
            job = httpx.get(route.request.url).json()
            error = {"type": "content_blocked", "detail": "The same request paints it again."}
            route.fulfill(json={**job, "state": "failed", "error": error})

        studio.page.route(re.compile(r"/jobs/[0-9a-f-]+$"), block, times=1)
        studio.paint(APPLE, **QUICK, Seed="7")
        said = "The safety checker took offence at this picture, so it was not kept."
        expect(studio.cards).to_contain_text(said)
        studio.page.get_by_role("button", name="Try another seed").click()
        expect(studio.pictures).to_have_count(1)
        request = newest_job(stack)["request"]
        assert (request["prompt"], request["seed"] == 7) == (APPLE, False)


class TestFlaggedPicture:
    def test_has_a_badge_and_its_dialog_says_so(self, visit: Visit) -> None:
        studio = visit()

        def flag(route: Route) -> None:
            job = httpx.get(f"{route.request.url}?wait=60", timeout=90).json()
            route.fulfill(json={**job, "result": {**job["result"], "flagged": True}})

        studio.page.route(re.compile(r"/jobs/[0-9a-f-]+$"), flag)
        studio.paint(APPLE, **QUICK)
        expect(studio.pictures).to_contain_text("flagged")
        dialog = studio.open_picture()
        expect(dialog).to_contain_text("The safety checker took offence at this picture.")


def forget_workers(stack: Stack) -> None:
    """Let the last heartbeats run out at once."""
    registry = WorkerRegistry(stack.redis)
    for heartbeat in registry.alive():
        registry.withdraw(heartbeat.worker)
