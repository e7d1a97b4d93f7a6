"""A picture's own words, from one real painting to the next."""

import httpx
import pytest

from tests.integration.test_pictures import open_picture, paint
from tests.support.pngs import with_a_pixel_changed
from worker.encoding import encode_png


@pytest.mark.parametrize("scheduler", ["dpmsolver++", "euler_ancestral"])
def test_a_picture_is_painted_again_from_what_it_says(client: httpx.Client, scheduler: str) -> None:
    png = paint(
        client, scheduler=scheduler, negative_prompt="sea, ネコ", guidance_scale=6.5
    ).content

    info = client.post("/png-info", content=png).json()
    assert (info["source"], info["notes"]) == ("semantic-bit", [])
    assert client.post("/generate", json=info["request"]).content == png

    verified = client.post("/verify", content=png).json()
    assert (verified["equal"], verified["build"]) == (True, {}), verified

    changed = client.post("/verify", content=with_a_pixel_changed(png)).json()
    assert (changed["equal"], changed["largest_difference"]) == (False, 1), changed


def test_a_picture_is_painted_again_from_a1111s_words_alone(client: httpx.Client) -> None:
    picture = open_picture(paint(client))
    words = picture.info["parameters"]
    stripped = encode_png(picture, {"parameters": words})
    verified = client.post("/verify", content=stripped).json()
    assert (verified["equal"], verified["build"]) == (True, None), verified


def test_the_switch_changes_the_file_and_not_a_pixel(client: httpx.Client) -> None:
    silent, telling = (paint(client, embed_metadata=embed) for embed in (False, True))
    assert open_picture(silent).info == {}
    assert set(open_picture(telling).info) == {"parameters", "semantic-bit"}
    assert open_picture(silent).tobytes() == open_picture(telling).tobytes()
    assert client.post("/png-info", content=silent.content).status_code == 422
