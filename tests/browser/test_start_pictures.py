"""Painting that begins with a picture, and the mask that is painted over it by hand."""

import io
import json
import re

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visit, newest_job
from tests.support.stack import Stack
from tests.support.studio import PATIENCE_SECONDS, QUICK, Studio

pytestmark = pytest.mark.timeout(2 * PATIENCE_SECONDS)

APPLE = "a red apple on a white table"
GREY = (120, 120, 120)
DROP = """(bytes) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], "grey.png", { type: "image/png" }));
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
}"""


def grey_png(size: tuple[int, int] = (256, 256)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, GREY).save(buffer, "PNG")
    return buffer.getvalue()


def choose(studio: Studio, png: bytes) -> None:
    studio.unfold("Start from a picture")
    file = {"name": "grey.png", "mimeType": "image/png", "buffer": png}
    studio.page.get_by_label("Choose a picture").set_input_files(file)  # type: ignore[arg-type]
    expect(shown(studio)).to_be_visible()


def shown(studio: Studio) -> Locator:
    return studio.page.get_by_role("img", name="The picture to begin with")


def painted(stack: Stack) -> NDArray[np.uint8]:
    answer = httpx.get(stack.url + newest_job(stack)["urls"]["image"])
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))


class TestStartPicture:
    def test_a_finished_picture_is_the_beginning_of_another(
        self, visit: Visit, stack: Stack
    ) -> None:
        studio = visit(permissions=["clipboard-read", "clipboard-write"])
        page = studio.page
        studio.paint(APPLE, **QUICK)
        expect(studio.pictures).to_have_count(1)
        studio.open_picture().get_by_role("button", name="Start from this picture").click()
        expect(shown(studio)).to_be_in_viewport()
        studio.paint("a green apple", Strength="0.6")
        expect(studio.pictures).to_have_count(2)
        request = newest_job(stack)["request"]
        assert request["strength"] == 0.6
        assert request["init_image"].startswith("sha256:")
        dialog = studio.open_picture()
        expect(dialog).to_contain_text("a picture")

        dialog.get_by_role("button", name="Copy as curl").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        body = re.search(r"-d '(.*)' \\\n", page.evaluate("navigator.clipboard.readText()"))
        assert body is not None
        assert json.loads(body[1])["init_image"] == request["init_image"]

    def test_gives_the_size_and_is_remembered_with_its_mask(self, studio: Studio) -> None:
        page = studio.page
        choose(studio, grey_png((400, 200)))
        expect(page.get_by_label("Width", exact=True)).to_have_value("512")
        expect(page.get_by_label("Height", exact=True)).to_have_value("256")
        page.get_by_role("button", name="Change only a part").click()
        page.get_by_role("button", name="Invert").click()
        summary = page.locator("summary", has_text="Start from a picture")
        studio.reload()
        expect(summary).to_contain_text("a part of one")
        studio.unfold("Start from a picture")
        expect(shown(studio)).to_be_visible()
        page.get_by_role("button", name="Remove the picture").click()
        expect(page.get_by_label("Choose a picture")).to_be_focused()
        studio.reload()
        expect(summary).to_contain_text("none")

    def test_can_be_dropped_and_is_said_to_be_none_where_it_is_none(self, studio: Studio) -> None:
        studio.page.evaluate(DROP, list(b"no picture"))
        expect(studio.page.get_by_text("cannot read that as a picture")).to_be_visible()
        studio.page.evaluate(DROP, list(grey_png()))
        expect(shown(studio)).to_be_visible()
        expect(studio.page.get_by_text("cannot read that as a picture")).to_be_hidden()


class TestMask:
    def test_only_what_was_painted_over_is_painted_anew(self, studio: Studio, stack: Stack) -> None:
        page = studio.page
        choose(studio, grey_png())
        page.get_by_role("button", name="Change only a part").click()
        canvas = page.get_by_role("img", name="What is painted anew")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 4, box["y"] + box["height"] / 2
        page.mouse.move(x, y - 20)
        page.mouse.down()
        page.mouse.move(x, y + 20, steps=3)
        page.mouse.up()
        studio.paint(APPLE, **QUICK, Strength="1")
        expect(studio.pictures).to_have_count(1)
        pixels = painted(stack)
        assert (pixels[:, 140:] == GREY).all()
        assert (pixels[128, 64] != GREY).any()

        studio.open_picture().get_by_role("button", name="Use these values").click()
        page.get_by_role("button", name="Invert").click()
        page.get_by_role("button", name="Paint", exact=False).last.click()
        expect(studio.pictures).to_have_count(2)
        pixels = painted(stack)
        assert (pixels[128, 64] == GREY).all()
        assert (pixels[:, 140:] != GREY).any()

    def test_can_be_painted_by_keyboard(self, studio: Studio, stack: Stack) -> None:
        choose(studio, grey_png())
        studio.page.get_by_role("button", name="Change only a part").click()
        canvas = studio.page.get_by_role("img", name="What is painted anew")
        for key in ("ArrowRight", "ArrowDown", "Space"):
            canvas.press(key)
        studio.paint(APPLE, **QUICK, Strength="1")
        expect(studio.pictures).to_have_count(1)
        pixels = painted(stack)
        assert (pixels[140, 140] != GREY).any()
        assert (pixels[:60] == GREY).all()
