"""The studio as a person sees it: by labels and roles, not by ids."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

PATIENCE_SECONDS = 200
"""The longest that a slow machine needs for what is waited for."""

QUICK = {"Width": "256", "Height": "256", "Steps": "5"}
UNHURRIED = {"Width": "512", "Height": "512", "Steps": "60"}
"""Takes some seconds: long enough to be met while it runs."""

SLOW = {"Width": "768", "Height": "768", "Steps": "60"}


@dataclass
class Studio:
    """A page of the studio, and what it did that it should not."""

    page: Page
    url: str
    mistakes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE_SECONDS * 1000)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.mistakes.append(str(error)))
        self.page.on("request", lambda request: self._on_request(request.url))

    def open(self) -> None:
        """Come to the page, and wait until it knows what the API takes."""
        self.page.goto(f"{self.url}/studio")
        self.wait_until_usable()

    def reload(self) -> None:
        self.page.reload()
        self.wait_until_usable()

    def wait_until_usable(self) -> None:
        expect(self.page.get_by_role("button", name="Square")).to_be_visible()

    def fill(self, prompt: str, **values: str) -> None:
        self.page.get_by_label("Prompt", exact=True).fill(prompt)
        for label, value in values.items():
            self.page.get_by_label(label, exact=True).fill(value)

    def unfold(self, name: str) -> None:
        """Open a part of the form."""
        self.page.locator("summary", has_text=name).click()

    def open_picture(self) -> Locator:
        """Give the dialog of the newest picture."""
        self.pictures.first.click()
        return self.page.get_by_role("dialog")

    def paint(self, prompt: str, **values: str) -> None:
        """Ask for a picture; `values` are given by the labels of their fields."""
        self.fill(prompt, **values)
        self.page.get_by_role("button", name="Paint").click()

    @property
    def cards(self) -> Locator:
        return self.page.get_by_role("list", name="Queue").get_by_role("listitem")

    @property
    def pictures(self) -> Locator:
        return self.page.get_by_role("list", name="Gallery").get_by_role("button")

    @property
    def outcome(self) -> Locator:
        """What is said beside the button."""
        return self.page.get_by_role("form").get_by_role("alert")

    def job_id(self) -> str:
        """Give the id of the only job in the queue strip."""
        job_id = self.cards.get_attribute("data-job")
        assert job_id is not None
        return job_id

    def _on_console(self, message: ConsoleMessage) -> None:
        # What the API refuses is the tests' subject; the page's own files must be there.
        is_answer = message.text.startswith("Failed to load resource")
        is_file = "/studio/" in message.location.get("url", "")
        if message.type in {"error", "warning"} and (is_file or not is_answer):
            self.mistakes.append(message.text)

    def _on_request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"blob", "data"} and parts.netloc != urlsplit(self.url).netloc:
            self.mistakes.append(f"asked another host: {url}")


@contextmanager
def visiting(browser: Browser, url: str, **options: object) -> Iterator[Studio]:
    """Open the studio in a browser that knows nothing yet; `options` are Playwright's."""
    context = browser.new_context(**options)  # type: ignore[arg-type]
    try:
        studio = Studio(context.new_page(), url)
        studio.open()
        yield studio
        assert studio.mistakes == [], studio.mistakes
    finally:
        context.close()
