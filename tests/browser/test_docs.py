from urllib.parse import urlsplit

from playwright.sync_api import Browser, expect

from tests.support.stack import Stack


class TestDocs:
    def test_shows_every_operation_and_asks_no_other_host(
        self, browser: Browser, stack: Stack
    ) -> None:
        context = browser.new_context()
        try:
            page = context.new_page()
            hosts: set[str] = set()
            mistakes: list[str] = []
            page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
            page.on("console", lambda message: mistakes.append(message.text))
            page.on("pageerror", lambda error: mistakes.append(str(error)))
            page.goto(f"{stack.url}/docs")
            generate = page.get_by_role("button", name="post /generate")
            expect(generate.first).to_be_visible()
            generate.first.click()
            expect(page.get_by_text("dpmsolver++").first).to_be_visible()
            assert hosts - {""} == {urlsplit(stack.url).netloc}
            assert mistakes == []
        finally:
            context.close()
