import pytest
from PIL import Image

from tests.support.builders import make_request
from tests.support.input_pictures import BLACK, GREEN, RED, encoded, half_and_half, mask_of_left
from worker.canvas import Canvas
from worker.inputs import NO_INPUTS, Inputs

REQUEST = make_request(width=320, height=256)
PICTURE = encoded(half_and_half())
MASK = encoded(mask_of_left())


def test_is_blank_where_a_picture_begins_with_noise() -> None:
    assert Canvas.prepare(REQUEST, NO_INPUTS) == Canvas()


@pytest.mark.parametrize("size", [(640, 512), (160, 128), (1280, 256), (320, 1000)])
def test_is_covered_by_the_middle_of_the_picture(size: tuple[int, int]) -> None:
    canvas = Canvas.prepare(REQUEST, Inputs(encoded(half_and_half(size))))
    assert canvas.image is not None
    assert canvas.image.size == (320, 256)
    assert canvas.image.getpixel((20, 128)) == RED
    assert canvas.image.getpixel((300, 128)) == GREEN


def test_takes_a_thin_strip_apart_without_making_it_large() -> None:
    strip = encoded(Image.new("RGB", (8192, 1), RED))
    canvas = Canvas.prepare(REQUEST, Inputs(strip))
    assert canvas.image is not None
    assert canvas.image.getcolors() == [(320 * 256, RED)]


@pytest.mark.parametrize(("grey", "kept"), [(127, 0), (128, 255)])
def test_paints_anew_from_middle_grey_on(grey: int, kept: int) -> None:
    mask = encoded(Image.new("L", (320, 256), grey))
    canvas = Canvas.prepare(REQUEST, Inputs(PICTURE, mask))
    assert canvas.mask is not None
    assert canvas.mask.getcolors() == [(320 * 256, kept)]


def test_touches_every_latent_that_the_mask_does() -> None:
    mask = Image.new("L", (320, 256), 0)
    mask.putpixel((13, 22), 255)
    touched = Canvas.prepare(REQUEST, Inputs(PICTURE, encoded(mask))).touched
    assert touched.getbbox() == (8, 16, 16, 24)


def test_keeps_every_pixel_outside_of_the_mask() -> None:
    canvas = Canvas.prepare(REQUEST, Inputs(PICTURE, MASK))
    finished = canvas.finished(Image.new("RGB", (320, 256), BLACK))
    assert finished.crop((0, 0, 160, 256)).getcolors() == [(160 * 256, BLACK)]
    assert finished.crop((160, 0, 320, 256)).getcolors() == [(160 * 256, GREEN)]


def test_leaves_a_picture_without_a_mask_as_it_was_painted() -> None:
    painted = Image.new("RGB", (320, 256), BLACK)
    assert Canvas.prepare(REQUEST, Inputs(PICTURE)).finished(painted) is painted
