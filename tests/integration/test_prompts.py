"""Long prompts and weights, from the client to the bundled model's picture and back."""

import httpx

from tests.integration.test_pictures import QUICK, open_picture, paint

LONG = "a very nice, realistic, highly detailed picture BREAK " * 11 + "a circle on a {} background"


def test_a_long_prompt_is_read_to_its_end_and_counted_alike_on_both_sides(
    client: httpx.Client,
) -> None:
    red, blue = (paint(client, prompt=LONG.format(colour)) for colour in ("red", "blue"))
    assert open_picture(red).tobytes() != open_picture(blue).tobytes()
    told = client.post("/tokens", json={"prompt": LONG.format("red")}).json()["prompt"]
    assert told == {"tokens": 105, "chunks": 12, "dropped_text": ""}
    headers = red.headers
    assert (headers["x-prompt-tokens"], headers["x-prompt-chunks"]) == ("105", "12")
    assert "x-prompt-truncated" not in headers


def test_a_weighted_picture_is_painted_again_from_its_words(client: httpx.Client) -> None:
    weighted = paint(client, prompt="a (red:0.3) circle, [night]", negative_prompt="(sea:1.4)")
    verified = client.post("/verify", content=weighted.content).json()
    assert (verified["equal"], verified["build"]) == (True, {}), verified


def test_the_record_tells_how_both_prompts_were_read(client: httpx.Client) -> None:
    request = {**QUICK, "negative_prompt": "a cat BREAK a dog"}
    job = client.post("/jobs", json=request).json()
    result = client.get(f"/jobs/{job['id']}?wait=30").json()["result"]
    names = ("prompt_tokens", "prompt_chunks", "negative_prompt_tokens", "dropped_negative_text")
    assert [result[name] for name in names] == [7, 1, 4, ""]
    build = result["build"]
    assert (build["prompt_policy"], build["prompt_syntax"]) == ("chunk", "a1111")
