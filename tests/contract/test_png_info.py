from base64 import b64encode
from typing import Any

import httpx
import pytest
from redis import Redis

from shared.picture_metadata import INFOTEXT, METADATA, PROGRAM
from shared.png_text import read_png
from tests.contract.conftest import StartApi
from tests.contract.serving import working
from tests.support.builders import BUILD
from tests.support.pngs import flat_png, make_png

NOWHERE = "redis://127.0.0.1:1/0"
REQUEST: dict[str, Any] = {
    "prompt": 'a cat, "ネコ":\n(on a mat)',
    "negative_prompt": "Steps: 3, dog",
    "num_inference_steps": 5,
    "guidance_scale": 7.25,
    "width": 320,
    "height": 256,
    "seed": 42,
    "scheduler": "dpmsolver++",
    "embed_metadata": True,
    "loras": [],
    "model": "demo",
}
UNSAID = {"embed_metadata", "loras", "model"}
UNUSED = {"init_image": None, "strength": None, "mask": None}
INFO = (
    'a cat, "ネコ":\n(on a mat)\nNegative prompt: Steps: 3, dog\n'
    "Steps: 5, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.25, Seed: 42, "
    f"Size: 320x256, Model: demo, RNG: CPU, Version: {PROGRAM}"
)
RESULT = {
    "program": PROGRAM,
    "prompt_tokens": 0,
    "dropped_text": "",
    "build": BUILD.model_dump(),
    "loras": [],
    "prompt_chunks": 1,
    "negative_prompt_tokens": 0,
    "dropped_negative_text": "",
    "batch_size": 1,
}


def paint(client: httpx.Client, redis: Redis, request: dict[str, Any]) -> bytes:
    with working(redis):
        response = client.post("/generate", json=request)
    assert response.status_code == 200, response.text
    return response.content


def info_of(client: httpx.Client, png: bytes) -> dict[str, Any]:
    response = client.post("/png-info", content=png, headers={"Content-Type": "image/png"})
    assert response.status_code == 200, response.text
    info: dict[str, Any] = response.json()
    return info


class TestOurPicture:
    def test_says_all_of_how_it_was_made(self, client: httpx.Client, redis: Redis) -> None:
        assert info_of(client, paint(client, redis, REQUEST)) == {
            "info": INFO,
            "source": "semantic-bit",
            "request": {**REQUEST, **UNUSED},
            "notes": [],
            "result": RESULT,
        }

    def test_gives_the_same_bytes_when_what_it_says_is_posted(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        png = paint(client, redis, {"prompt": "a cat on a mat"})
        assert paint(client, redis, info_of(client, png)["request"]) == png

    def test_says_nothing_where_its_request_said_so(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        png = paint(client, redis, {**REQUEST, "embed_metadata": False})
        response = client.post("/png-info", content=png)
        message = (
            "is a PNG without the texts 'parameters' and 'semantic-bit', one of which it needs"
        )
        assert response.status_code == 422
        assert response.json() == {
            "error": "ValidationError",
            "code": 422,
            "detail": f"body: {message}",
            "meta": {"errors": [{"loc": ["body"], "msg": message, "type": "no_metadata"}]},
        }

    def test_that_lost_our_text_says_what_a1111_can(self, client: httpx.Client) -> None:
        assert info_of(client, flat_png({INFOTEXT: INFO})) == {
            "info": INFO,
            "source": "parameters",
            "request": {name: REQUEST[name] for name in REQUEST if name not in UNSAID},
            "notes": ["Model: 'demo' is not carried over: it may have another name here."],
            "result": None,
        }

    def test_that_lost_a1111s_text_gets_it_back(self, client: httpx.Client, redis: Redis) -> None:
        texts = read_png(paint(client, redis, REQUEST), {METADATA}).text
        assert info_of(client, flat_png(texts))["info"] == INFO

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"request": {"prompt": "a", "steps": 1}}'])
    def test_whose_own_text_is_broken_says_what_a1111_can(
        self, client: httpx.Client, text: str
    ) -> None:
        info = info_of(client, flat_png({INFOTEXT: INFO, METADATA: text}))
        assert info["source"] == "parameters"
        assert info["notes"][0] == "The text 'semantic-bit' cannot be read."

    @pytest.mark.parametrize("number", ["9" * 4000, "9" * 5000, "1e999", "NaN"])
    def test_may_have_been_given_absurd_numbers(
        self, client: httpx.Client, redis: Redis, number: str
    ) -> None:
        texts = read_png(paint(client, redis, REQUEST), {METADATA, INFOTEXT}).text
        own = texts[METADATA].replace('"threads":2', f'"threads":{number}')
        assert info_of(client, flat_png({**texts, METADATA: own}))["info"] == INFO

    def test_is_read_whether_or_not_redis_is_there(self, start_api: StartApi) -> None:
        client = start_api(redis_url=NOWHERE)
        assert info_of(client, flat_png({INFOTEXT: INFO}))["info"] == INFO


class TestPictureOfA1111:
    def test_leaves_to_the_service_what_it_does_not_say(self, client: httpx.Client) -> None:
        text = "a cat\nSteps: 20, Sampler: DPM++ SDE, Seed: 1, Size: 512x1024, RNG: CPU"
        info = info_of(client, flat_png({INFOTEXT: text}))
        assert info["request"] == {
            "prompt": "a cat",
            "num_inference_steps": 20,
            "seed": 1,
            "width": 512,
        }
        assert info["notes"] == [
            "Sampler: 'DPM++ SDE' is not carried over: this service does not know it.",
            "height: '1024' is not carried over: input should be less than or equal to 768.",
        ]

    def test_has_no_request_where_its_prompt_is_too_long(self, client: httpx.Client) -> None:
        text = "x" * 1001 + "\nSteps: 20, Seed: 1, RNG: CPU"
        info = info_of(client, flat_png({INFOTEXT: text}))
        assert (info["request"], len(info["notes"])) == (None, 1)

    def test_says_that_the_services_noise_levels_are_others(self, start_api: StartApi) -> None:
        info = info_of(start_api(use_karras_sigmas=False), flat_png({INFOTEXT: INFO}))
        assert (
            "Schedule type: 'Karras' is not carried over: this service paints with Uniform."
            in info["notes"]
        )


class TestBody:
    @pytest.mark.parametrize(
        "write",
        [
            lambda encoded: encoded,
            lambda encoded: f"data:image/png;base64,{encoded}",
            lambda encoded: encoded[:76] + "\r\n" + encoded[76:] + "\n",
        ],
    )
    def test_may_be_json(self, client: httpx.Client, write: Any) -> None:  # noqa: ANN401
        png = flat_png({INFOTEXT: INFO})
        response = client.post("/png-info", json={"image": write(b64encode(png).decode())})
        assert (response.status_code, response.json()["info"]) == (200, INFO)

    def test_needs_no_content_type(self, client: httpx.Client) -> None:
        assert client.post("/png-info", content=flat_png({INFOTEXT: INFO})).status_code == 200

    @pytest.mark.parametrize("path", ["/png-info", "/verify"])
    @pytest.mark.parametrize(
        ("body", "field", "message", "kind"),
        [
            (b"", "body", "is not a PNG", "png"),
            (b"\xff\xd8\xff\xe0 a JPEG", "body", "is not a PNG", "png"),
            (make_png()[:-1], "body", "is a PNG that is cut off", "png"),
            (b'{"image": ""}', "image", "is not a PNG", "png"),
            (b'{"image": "data:,"}', "image", "is not a PNG", "png"),
            (b'{"image": "R0lGODlh"}', "image", "is not a PNG", "png"),
            (b'{"image": "R0lGODl"}', "image", "is not base64", "base64"),
            ('{"image": "é"}'.encode(), "image", "is not base64", "base64"),
            (b"{}", "image", "Field required", "missing"),
            (b'{"image": 1}', "image", "Input should be a valid string, got 1", "string_type"),
        ],
    )
    def test_that_is_no_picture_is_refused(  # noqa: PLR0917
        self, client: httpx.Client, path: str, body: bytes, field: str, message: str, kind: str
    ) -> None:
        response = client.post(path, content=body)
        loc = ["body"] if field == "body" else ["body", field]
        assert response.status_code == 422
        assert response.json() == {
            "error": "ValidationError",
            "code": 422,
            "detail": f"{field}: {message}",
            "meta": {"errors": [{"loc": loc, "msg": message, "type": kind}]},
        }

    def test_with_more_fields_is_refused(self, client: httpx.Client) -> None:
        response = client.post("/png-info", json={"image": "", "strict": True})
        assert response.json()["meta"]["errors"][0]["loc"] == ["body", "strict"]

    def test_that_is_broken_json_is_a_bad_request(self, client: httpx.Client) -> None:
        response = client.post("/png-info", content=b'{"image": ')
        assert (response.status_code, response.json()["error"]) == (400, "BadRequest")

    def test_may_have_something_appended(self, client: httpx.Client) -> None:
        png = flat_png({INFOTEXT: INFO}) + bytes(100)
        assert client.post("/png-info", content=png).status_code == 200
