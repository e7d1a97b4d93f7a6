"""What a person can ask for beside the prompt and the size, and what the page says of it."""

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Visit, newest_job
from tests.support.stack import Stack
from tests.support.studio import PATIENCE_SECONDS, QUICK, Studio

pytestmark = pytest.mark.timeout(2 * PATIENCE_SECONDS)

APPLE = "a red apple on a white table"
READ = {"tokens": 0, "chunks": 1, "dropped_text": ""}
CUT = {"tokens": 78, "chunks": 1, "dropped_text": "on a mat"}


class TestTokens:
    def test_are_counted_while_somebody_types(self, studio: Studio) -> None:
        page = studio.page
        prompt = page.get_by_label("Prompt", exact=True)
        prompt.fill("a red apple")
        expect(page.get_by_text("3 of 75 tokens")).to_be_visible()
        expect(prompt).to_have_accessible_description("3 of 75 tokens")
        prompt.fill("a red apple " * 30)
        page.get_by_label("Negative prompt").fill("sea")
        expect(page.get_by_text("90 tokens, read in 2 parts")).to_be_visible()
        expect(page.get_by_text("1 of 75 tokens")).to_be_visible()
        prompt.fill("")
        expect(page.get_by_text("read in 2 parts")).to_have_count(0)

    @pytest.mark.parametrize(
        ("policy", "said"),
        [
            ("truncate", "The model reads 75 tokens, and not what follows: on a mat"),
            ("error", "Too long: the model reads 75 tokens. Take out what follows: on a mat"),
        ],
    )
    def test_what_would_not_be_read_is_marked_before_it_is_painted(
        self, studio: Studio, policy: str, said: str
    ) -> None:
        """The worker of these tests reads everything; the page is told of one that does not."""
        count = {"policy": policy, "syntax": "a1111", "chunk_tokens": 75}
        told = {**count, "prompt": CUT, "negative_prompt": READ}
        studio.page.route("**/tokens", lambda route: route.fulfill(json=told))
        studio.fill("a long prompt")
        expect(studio.page.get_by_text("78 tokens, 75 fit")).to_be_visible()
        expect(studio.page.get_by_text(said)).to_be_visible()
        expect(studio.page.locator("mark")).to_have_text("on a mat")

    def test_nobody_is_asked_for_a_key_only_to_count(self, studio: Studio) -> None:
        refused: list[str] = []

        def refuse(route: Route) -> None:
            refused.append(route.request.url)
            body = {"error": "Unauthorized", "code": 401, "detail": "A key is needed."}
            route.fulfill(status=401, json={**body, "meta": None})

        studio.page.route("**/tokens", refuse)
        with studio.page.expect_response("**/tokens"):
            studio.fill(APPLE)
        expect(studio.page.get_by_role("dialog")).to_have_count(0)
        studio.paint(APPLE, **QUICK)
        expect(studio.pictures).to_have_count(1)
        assert refused


class TestScheduler:
    def test_has_a_name_and_says_what_it_is_good_for(self, studio: Studio, stack: Stack) -> None:
        scheduler = studio.page.get_by_label("Scheduler")
        scheduler.select_option("Heun")
        expect(studio.page.get_by_text("Heun: runs the model twice in each step")).to_be_visible()
        studio.paint(APPLE, **QUICK)
        expect(studio.pictures).to_have_count(1)
        assert newest_job(stack)["request"]["scheduler"] == "heun"
        studio.reload()
        expect(scheduler).to_have_value("heun")
        expect(studio.page.get_by_text("Heun: runs the model twice in each step")).to_be_visible()


class TestLoras:
    def test_are_picked_weighed_remembered_and_painted_with(
        self, studio: Studio, stack: Stack
    ) -> None:
        page = studio.page
        studio.unfold("LoRAs")
        page.get_by_label("Add a LoRA").select_option("stripes")
        weight = page.get_by_label("Weight of stripes", exact=True)
        expect(weight).to_be_focused()
        weight.fill("0.8")
        studio.fill("a cat", **QUICK)
        page.get_by_role("button", name="stripes", exact=True).click()
        expect(page.get_by_label("Prompt", exact=True)).to_have_value("a cat, stripes")

        studio.reload()
        expect(page.get_by_role("group").filter(has_text="LoRAs")).to_contain_text("stripes")
        page.get_by_role("button", name="Paint").click()
        expect(studio.pictures).to_have_count(1)
        used = {"name": "stripes", "weight": 0.8}
        assert newest_job(stack)["request"]["loras"] == [used]
        expect(studio.open_picture()).to_contain_text("stripes, 0.8")
        page.keyboard.press("Escape")

        studio.unfold("LoRAs")
        page.get_by_role("button", name="Remove stripes").click()
        studio.paint(APPLE)
        expect(studio.pictures).to_have_count(2)
        assert newest_job(stack)["request"]["loras"] == []

    def test_a_mistake_of_theirs_is_said_below_them(self, studio: Studio) -> None:
        page = studio.page
        studio.unfold("LoRAs")
        page.get_by_label("Add a LoRA").select_option("stripes")
        page.get_by_label("Weight of stripes", exact=True).fill("9")
        studio.unfold("LoRAs")
        studio.paint(APPLE, **QUICK)
        expect(page.get_by_text("stripes: A number from -2 to 2.")).to_be_visible()

    def test_are_not_spoken_of_where_there_are_none(self, visit: Visit) -> None:
        studio = visit()
        studio.page.route("**/loras", lambda route: route.fulfill(json={"loras": []}))
        studio.reload()
        expect(studio.page.get_by_text("LoRAs")).to_be_hidden()


class TestModels:
    def test_can_be_chosen_between_where_there_are_several(self, studio: Studio) -> None:
        """The page is made to believe in a second one, which the server then refuses."""
        page = studio.page
        both = [{"name": "demo", "default": True, "warm": True}]
        both += [{"name": "photo", "default": False, "warm": False}]
        expect(page.get_by_label("Model", exact=True)).to_be_hidden()
        page.route("**/models", lambda route: route.fulfill(json=both))
        studio.reload()
        model = page.get_by_label("Model", exact=True)
        expect(model).to_have_value("demo")
        model.select_option("photo")
        expect(page.get_by_text("Not loaded yet")).to_be_visible()
        with page.expect_request("**/jobs") as sent:
            studio.paint(APPLE, **QUICK)
        assert '"model":"photo"' in (sent.value.post_data or "")
        expect(page.get_by_text("No worker serves this model")).to_be_visible()
        expect(model).to_be_focused()


class TestMore:
    def test_is_sent_remembered_and_in_the_copied_command(self, visit: Visit, stack: Stack) -> None:
        studio = visit(permissions=["clipboard-read", "clipboard-write"])
        page = studio.page
        studio.unfold("More")
        page.get_by_label("Priority").select_option("low")
        page.get_by_label("The PNG says how it was made").uncheck()
        studio.paint(APPLE, **QUICK)
        expect(studio.pictures).to_have_count(1)
        job = newest_job(stack)
        assert job["priority"] == "low"
        assert job["request"]["embed_metadata"] is False
        studio.open_picture().get_by_role("button", name="Copy as curl").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        command = page.evaluate("navigator.clipboard.readText()")
        assert command.startswith(f"curl -X POST '{stack.url}/jobs'")
        assert '"priority":"low"' in command

        studio.reload()
        studio.unfold("More")
        expect(page.get_by_label("Priority")).to_have_value("low")
        expect(page.get_by_label("The PNG says how it was made")).not_to_be_checked()

    def test_opens_where_the_server_refuses_something_in_it(self, studio: Studio) -> None:
        page = studio.page
        studio.unfold("More")
        page.get_by_label("Tell this address").fill("https://example.com/pictures")
        studio.unfold("More")
        studio.paint(APPLE, **QUICK)
        expect(page.get_by_text("Webhooks are off on this server")).to_be_in_viewport()
        expect(page.get_by_label("Tell this address")).to_be_focused()
