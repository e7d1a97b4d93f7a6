"""For everybody: by keyboard, by screen reader, in the dark, on a phone."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.support.studio import PATIENCE_SECONDS, QUICK, SLOW, Studio

PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
pytestmark = pytest.mark.timeout(2 * PATIENCE_SECONDS)

APPLE = "a red apple on a white table"

# Every text that is seen, and how it stands out from what lies behind it, by WCAG's formula.
FAINT_TEXTS = """() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => channels(color).slice(0, 3)
    .map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const opaque = (color) => (channels(color)[3] ?? 1) === 1;
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (opaque(color)) return color;
    }
  };
  const hasText = (element) => [...element.childNodes].some(
    (node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
  return [...document.body.querySelectorAll("*")]
    .filter((e) => hasText(e) && e.checkVisibility() && !e.closest(":disabled, template, noscript"))
    .map((e) => [e, luminance(getComputedStyle(e).color), luminance(behind(e))])
    .map(([e, a, b]) => [e.textContent.trim(), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)])
    .filter(([, contrast]) => contrast < 4.5);
}"""

SHIFT = """() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
})"""


def focused_name(page: Page) -> str:
    """Say what the keyboard is at: the label of a field, else the text."""
    name: str = page.evaluate(
        "(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()"
    )
    return name


def tab_to(page: Page, name: str) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if focused_name(page).startswith(name):
            return
    pytest.fail(f"the Tab key never comes to {name!r}")


class TestKeyboard:
    def test_paints_opens_and_closes_without_a_pointer(self, studio: Studio) -> None:
        page = studio.page
        page.keyboard.press("Tab")
        assert focused_name(page) == "Skip to the pictures"
        tab_to(page, "Prompt")
        page.keyboard.type(APPLE)
        for label in ("Width", "Height", "Steps"):
            tab_to(page, label)
            page.keyboard.type(QUICK[label])
        tab_to(page, "Paint")
        page.keyboard.press("Enter")
        expect(studio.pictures).to_have_count(1)
        tab_to(page, APPLE)
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name=APPLE)).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog", name=APPLE)).to_be_hidden()
        expect(studio.pictures).to_be_focused()

    def test_control_and_enter_paint_from_any_field(self, studio: Studio) -> None:
        studio.fill(APPLE, **QUICK)
        studio.page.get_by_label("Seed", exact=True).press("Control+Enter")
        expect(studio.pictures).to_have_count(1)

    def test_the_arrows_lead_from_picture_to_picture(self, studio: Studio) -> None:
        for amount, prompt in enumerate(["a blue circle", "a red square"], start=1):
            studio.paint(prompt, **QUICK)
            expect(studio.pictures).to_have_count(amount)
        studio.pictures.first.click()
        expect(studio.page.get_by_role("dialog", name="a red square")).to_be_visible()
        studio.page.keyboard.press("ArrowRight")
        expect(studio.page.get_by_role("dialog", name="a blue circle")).to_be_visible()
        expect(studio.page.get_by_text("2 of 2")).to_be_visible()


class TestScreenReader:
    def test_finds_landmarks_names_and_states(self, studio: Studio) -> None:
        expect(studio.page.locator("body")).to_match_aria_snapshot("""
            - link "Skip to the pictures"
            - banner:
              - heading "Studio Semantic Bit GPU Server" [level=1]
              - paragraph: /demo · .+ · float32/
              - button "Key"
            - main:
              - form "New picture":
                - heading "New picture" [level=2]
                - button "Back to the defaults"
                - text: Prompt
                - textbox "Prompt"
                - text: Negative prompt
                - textbox "Negative prompt"
                - group "Size":
                  - button "Square" [pressed]
                  - button "Portrait"
                  - button "Landscape"
                  - spinbutton "Width": "512"
                  - button "Swap width and height"
                  - spinbutton "Height": "512"
                - spinbutton "Steps": "28"
                - spinbutton "Guidance": "7"
                - textbox "Seed"
                - button "Draw a seed"
                - button "Keep the seed"
                - combobox "Scheduler"
                - paragraph: "DPM++ 2M: good pictures in 20 to 30 steps."
                - group: Start from a picture none
                - group: LoRAs none
                - group: More
                - button "Paint"
              - region "Queue":
                - heading "Queue" [level=2]
              - region "Gallery":
                - heading "Gallery" [level=2]
                - list:
                  - listitem:
                    - button "a red apple on a white table"
        """)

    def test_is_told_when_a_picture_waits_starts_and_is_finished(self, studio: Studio) -> None:
        page = studio.page
        page.evaluate("""() => {
          window.told = [];
          new MutationObserver(() => told.push(announcer.textContent))
            .observe(announcer, { childList: true, characterData: true, subtree: true });
        }""")
        studio.paint(APPLE, **QUICK)
        expect(studio.pictures).to_have_count(1)
        told = page.evaluate("[...new Set(told)]")
        assert told == [f"In the queue: {APPLE}", f"Painting: {APPLE}", f"Finished: {APPLE}"]

    def test_can_ask_how_far_a_picture_is(self, studio: Studio) -> None:
        studio.paint(APPLE, **SLOW)
        bar = studio.page.get_by_role("progressbar", name=f"Progress of “{APPLE}”")
        expect(bar).to_have_attribute("aria-valuetext", re.compile(r"^Step \d+ of 60"))


class TestLooks:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("size", [PHONE, {}], ids=["phone", "desktop"])
    def test_every_text_stands_out_from_its_ground(
        self, visit: Visit, scheme: str, size: dict[str, Any]
    ) -> None:
        studio = visit(**size, color_scheme=scheme)
        assert studio.page.evaluate(FAINT_TEXTS) == []
        studio.paint("", Width="999")
        assert studio.page.evaluate(FAINT_TEXTS) == []
        studio.paint(APPLE, **QUICK)
        expect(studio.pictures).to_have_count(1)
        studio.pictures.click()
        assert studio.page.evaluate(FAINT_TEXTS) == []

    def test_nothing_moves_while_the_page_loads(self, studio: Studio) -> None:
        assert studio.page.evaluate(SHIFT) < 0.02

    def test_motion_is_left_out_where_that_is_wished(self, visit: Visit) -> None:
        studio = visit(reduced_motion="reduce")
        studio.paint(APPLE, **SLOW)
        expect(studio.cards).to_have_count(1)
        assert studio.page.evaluate("document.getAnimations().length") == 0


class TestPhone:
    def test_nothing_is_wider_than_the_screen(self, visit: Visit) -> None:
        studio = visit(**PHONE)
        fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert studio.page.evaluate(fits)
        studio.paint(APPLE + ", extraordinarily" * 30, **QUICK)
        assert studio.page.evaluate(fits)
        expect(studio.pictures).to_have_count(1)
        studio.pictures.click()
        assert studio.page.evaluate(fits)

    def test_the_button_is_always_in_reach_of_the_form(self, visit: Visit) -> None:
        studio = visit(**PHONE)
        expect(studio.page.get_by_role("button", name="Paint")).to_be_in_viewport(ratio=1)
