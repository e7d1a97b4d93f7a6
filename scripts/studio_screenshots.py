"""Take the README's pictures of the studio, from a server that runs: `./run.sh` in another shell.

python -m scripts.studio_screenshots --url http://localhost:8000
"""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, ViewportSize, expect

from scripts.chromium import running_chromium

_IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
_SIZE = ViewportSize(width=1280, height=800)
_LEVELS = [round(round(value * 63 / 255) * 255 / 63) for value in range(256)]
_PATIENCE_MILLISECONDS = 600_000

_GALLERY = {
    "a white house with a blue roof at sunset": "5",
    "a boat on the sea at night": "11",
    "a pink tree on a hill": "3",
    "a banana on a blue table": "8",
    "a black cat on a red mat": "2",
    "a small red circle on a blue background": "4",
    "a cat on a mat, digital art": "7",
    "a red apple on a white table": "42",
}
"""Prompts and seeds, the oldest first."""

_PAINTED = "a beautiful sunset over mountains, digital art"
_WAITING = "a green pear on a wooden table"
_SHOWN_AT_STEP = re.compile(r"Step (2\d|3\d|4\d) of 60")


def main() -> None:
    """Paint what the pictures show, and take them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://localhost:8000", help="where the server answers")
    url = parser.parse_args().url
    expect.set_options(timeout=_PATIENCE_MILLISECONDS)
    _IMAGES.mkdir(exist_ok=True)
    with running_chromium() as browser:
        page = browser.new_page(viewport=_SIZE, color_scheme="light")
        page.goto(f"{url}/studio")
        for amount, (prompt, seed) in enumerate(_GALLERY.items(), start=1):
            _ask(page, prompt, seed)
            expect(page.get_by_role("list", name="Gallery").get_by_role("button")).to_have_count(
                amount
            )
        for taken in (_painting(page), *_gallery(page)):
            print(f"{taken.relative_to(_IMAGES.parent.parent)}: {taken.stat().st_size} bytes")


def _painting(page: Page) -> Path:
    page.get_by_label("Steps", exact=True).fill("60")
    page.get_by_role("button", name="Landscape").click()
    _ask(page, _PAINTED, "1", negative="sea")
    page.get_by_role("button", name="Square").click()
    _ask(page, _WAITING, "6")
    bar = page.get_by_role("progressbar").first
    expect(bar).to_have_attribute("aria-valuetext", _SHOWN_AT_STEP)
    return _take(page, "studio-painting.png")


def _gallery(page: Page) -> Iterator[Path]:
    page.get_by_role("button", name="a white house").click()
    yield _take(page, "studio-gallery.png")
    page.keyboard.press("Escape")
    for _ in range(2):
        page.get_by_role("button", name="Cancel").first.click()


def _ask(page: Page, prompt: str, seed: str, *, negative: str = "") -> None:
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.get_by_label("Negative prompt").fill(negative)
    page.get_by_label("Seed", exact=True).fill(seed)
    page.get_by_role("button", name="Paint").click()


def _take(page: Page, name: str) -> Path:
    path = _IMAGES / name
    page.screenshot(path=path)
    with Image.open(path) as taken:
        # Coarser levels pack to half the bytes, and nobody sees the difference.
        taken.convert("RGB").point(_LEVELS * 3).save(path, optimize=True)
    return path


if __name__ == "__main__":
    main()
