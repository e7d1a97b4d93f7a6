"""Pictures that begin with another: how it is sent, what is refused, and what the job shows."""

import json
from typing import Any

import httpx
import pytest
from PIL import Image
from redis import Redis

from shared.input_store import InputStore
from shared.job_store import JobStore
from shared.keys import PREFIX
from tests.contract.conftest import StartApi
from tests.contract.serving import working
from tests.support.input_pictures import (
    RED,
    encoded,
    half_and_half,
    in_base64,
    mask_of_left,
    opened,
)
from tests.support.pipelines import CallsBeforeItReturns, PaintsFlat
from tests.support.pngs import flat_png, open_png

PICTURE = encoded(half_and_half())
MASK = encoded(mask_of_left())
REQUEST: dict[str, Any] = {
    "prompt": "a green apple",
    "num_inference_steps": 10,
    "seed": 42,
    "init_image": in_base64(PICTURE),
}
GONE = "sha256:" + "a" * 64


def submit(client: httpx.Client, **fields: object) -> dict[str, Any]:
    response = client.post("/jobs", json={**REQUEST, **fields})
    assert response.status_code == 202, response.text
    job: dict[str, Any] = response.json()
    return job


def refusal(response: httpx.Response) -> tuple[str, str]:
    """Give the field that was refused, and why."""
    assert response.status_code == 422, response.text
    body = response.json()
    (item,) = body["meta"]["errors"]
    assert body["error"] == "ValidationError"
    assert body["detail"] == f"{item['loc'][1]}: {item['msg']}"
    return item["loc"][1], item["msg"]


def inputs_of(redis: Redis) -> set[bytes]:
    return set(redis.scan_iter(f"{PREFIX}input:*"))


class TestJson:
    @pytest.mark.parametrize(
        "picture",
        [
            in_base64(PICTURE),
            f"data:image/png;base64,{in_base64(PICTURE)}",
            in_base64(PICTURE)[:40] + "\n" + in_base64(PICTURE)[40:],
            in_base64(encoded(half_and_half(), optimize=True)),
        ],
    )
    def test_takes_base64_and_shows_a_reference(
        self, client: httpx.Client, redis: Redis, picture: str
    ) -> None:
        request = submit(client, init_image=picture)["request"]
        assert (request["strength"], request["mask"]) == (0.75, None)
        assert (request["width"], request["height"]) == (320, 256)
        kept = InputStore(redis, kept_seconds=1).get("", request["init_image"])
        assert kept is not None
        assert opened(kept).tobytes() == half_and_half().tobytes()

    def test_takes_a_picture_once_and_uses_it_again(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        reference = submit(client)["request"]["init_image"]
        again = submit(client, init_image=reference, strength=0.5)["request"]
        assert (again["init_image"], again["strength"]) == (reference, 0.5)
        assert len(inputs_of(redis)) == 1

    def test_takes_a_mask(self, client: httpx.Client, redis: Redis) -> None:
        request = submit(client, mask=in_base64(MASK))["request"]
        assert request["mask"] != request["init_image"]
        assert len(inputs_of(redis)) == 2

    def test_takes_a_body_as_large_as_pictures_may_be(self, client: httpx.Client) -> None:
        noise = encoded(Image.effect_noise((1000, 900), 90), compress_level=0)
        assert len(noise) > 800_000
        submit(client, init_image=in_base64(noise))

    def test_counts_the_steps_that_are_run(self, client: httpx.Client) -> None:
        assert submit(client, strength=0.6)["progress"]["total"] == 6
        assert submit(client, strength=0.01)["progress"]["total"] == 1
        assert submit(client, strength=1)["progress"]["total"] == 10


class TestForm:
    def test_takes_files_and_fields(self, client: httpx.Client) -> None:
        form = {"prompt": "123", "strength": "0.6", "num_inference_steps": "10", "seed": "7"}
        files = {"init_image": ("cat.png", PICTURE), "mask": ("m.png", MASK)}
        response = client.post("/jobs", data={**form, "priority": "low"}, files=files)
        assert response.status_code == 202, response.text
        job = response.json()
        sent = {"prompt": "123", "strength": 0.6, "num_inference_steps": 10, "seed": 7}
        assert {name: job["request"][name] for name in sent} == sent
        assert (job["priority"], job["request"]["mask"][:7]) == ("low", "sha256:")

    def test_is_the_same_job_as_json_is(self, client: httpx.Client) -> None:
        key = {"Idempotency-Key": "k"}
        first = client.post("/jobs", json=REQUEST, headers=key).json()
        form = {"prompt": "a green apple", "num_inference_steps": "10", "seed": "42"}
        files = {"init_image": PICTURE}
        second = client.post("/jobs", data=form, files=files, headers=key).json()
        assert second["id"] == first["id"]

    def test_may_have_the_fields_in_one_part_of_json(self, client: httpx.Client) -> None:
        form = {"request": json.dumps({"prompt": "a", "seed": 1, "strength": 0.5}), "seed": "2"}
        response = client.post("/jobs", data=form, files={"init_image": PICTURE})
        request = response.json()["request"]
        assert (request["prompt"], request["seed"], request["strength"]) == ("a", 2, 0.5)

    def test_may_have_a_reference_instead_of_a_file(self, client: httpx.Client) -> None:
        reference = submit(client)["request"]["init_image"]
        parts = {"prompt": (None, "a"), "init_image": (None, reference)}
        request = client.post("/jobs", files=parts).json()["request"]
        assert request["init_image"] == reference

    def test_needs_no_picture(self, client: httpx.Client) -> None:
        response = client.post("/jobs", files={"prompt": (None, "a"), "width": (None, "256")})
        assert response.json()["request"]["width"] == 256

    @pytest.mark.parametrize(
        ("form", "field"),
        [
            ({"seed": "x"}, "seed"),
            ({"seed": ""}, "seed"),
            ({"num_inference_steps": "4"}, "num_inference_steps"),
            ({"colour": "red"}, "colour"),
        ],
    )
    def test_names_wrong_fields(
        self, client: httpx.Client, form: dict[str, str], field: str
    ) -> None:
        files = {"init_image": PICTURE}
        response = client.post("/jobs", data={"prompt": "a", **form}, files=files)
        assert refusal(response)[0] == field

    def test_takes_no_two_pictures_for_one_field(self, client: httpx.Client) -> None:
        files = [("init_image", PICTURE), ("init_image", PICTURE)]
        response = client.post("/jobs", data={"prompt": "a"}, files=files)
        assert refusal(response)[1] == "is there more than once; one picture is taken"

    def test_that_is_broken_is_a_bad_request(self, client: httpx.Client) -> None:
        headers = {"Content-Type": "multipart/form-data"}
        response = client.post("/jobs", content=b"--x", headers=headers)
        assert (response.status_code, response.json()["error"]) == (400, "BadRequest")

    def test_that_is_too_large_is_refused(self, start_api: StartApi) -> None:
        client = start_api(max_image_bytes=100_000)
        response = client.post("/jobs", files={"init_image": b" " * 200_000})
        assert (response.status_code, response.json()["error"]) == (413, "PayloadTooLarge")


class TestRefusals:
    @pytest.mark.parametrize("field", ["init_image", "mask"])
    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            ("%%%", "is neither base64"),
            ("", "is empty"),
            (in_base64(b"GIF89a"), "is not a PNG, a JPEG or a WebP"),
            (in_base64(PICTURE[:-20]), "is a PNG that is cut off"),
            (GONE, "is not here, or not any more, or is another key's"),
            ("sha256:abc", "must be a picture, or sha256: and the 64 hex digits"),
            (5, "Input should be a valid string"),
        ],
    )
    def test_name_the_field(
        self, client: httpx.Client, field: str, value: object, reason: str
    ) -> None:
        refused, message = refusal(client.post("/jobs", json={**REQUEST, field: value}))
        assert refused == field
        assert reason in message

    @pytest.mark.parametrize(("field", "value"), [("strength", 0.5), ("mask", in_base64(MASK))])
    def test_of_what_needs_a_picture(self, client: httpx.Client, field: str, value: object) -> None:
        response = client.post("/generate", json={"prompt": "a", field: value})
        assert refusal(response) == (field, "needs init_image")

    @pytest.mark.parametrize("strength", [0, -0.1, 1.1, "0.5", True])
    def test_of_a_strength_that_is_none(self, client: httpx.Client, strength: object) -> None:
        response = client.post("/jobs", json={**REQUEST, "strength": strength})
        assert refusal(response)[0] == "strength"

    def test_of_a_mask_of_another_shape(self, client: httpx.Client) -> None:
        mask = in_base64(encoded(mask_of_left((256, 256))))
        response = client.post("/jobs", json={**REQUEST, "mask": mask})
        message = "is 256x256, which is not the shape of init_image, 320x256"
        assert refusal(response) == ("mask", message)

    def test_keep_no_picture_where_another_field_is_wrong(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        client.post("/jobs", json={**REQUEST, "seed": -1})
        assert not inputs_of(redis)

    def test_look_at_no_picture_without_a_key(self, start_api: StartApi, redis: Redis) -> None:
        response = start_api(api_key="k").post("/jobs", json=REQUEST)
        assert response.status_code == 401
        assert not inputs_of(redis)

    def test_of_a_large_body_without_a_picture(self, client: httpx.Client) -> None:
        response = client.post("/jobs", json={"prompt": "a" * 70_000})
        assert response.status_code == 413


class TestOwners:
    def test_have_their_pictures_for_themselves(self, start_api: StartApi) -> None:
        client = start_api(api_key="mine,yours")
        mine, yours = ({"Authorization": f"Bearer {key}"} for key in ("mine", "yours"))
        job = client.post("/jobs", json=REQUEST, headers=mine).json()
        reference = job["request"]["init_image"]
        again = {**REQUEST, "init_image": reference}
        assert client.post("/jobs", json=again, headers=mine).status_code == 202
        assert refusal(client.post("/jobs", json=again, headers=yours))[0] == "init_image"


class TestKeeping:
    def test_outlives_the_job(self, client: httpx.Client, redis: Redis) -> None:
        submit(client)
        (key,) = inputs_of(redis)
        assert redis.ttl(key) > 5000

    def test_is_short_where_the_job_is_not_admitted(
        self, start_api: StartApi, redis: Redis
    ) -> None:
        client = start_api(max_concurrent_requests=1)
        submit(client)
        other = {**REQUEST, "init_image": in_base64(MASK)}
        assert client.post("/jobs", json=other).status_code == 429
        assert sorted(redis.ttl(key) > 300 for key in inputs_of(redis)) == [False, True]

    def test_finds_the_job_of_an_idempotency_key_though_the_picture_is_gone(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        request = submit(client)["request"]
        again = {**REQUEST, "init_image": request["init_image"]}
        key = {"Idempotency-Key": "k"}
        first = client.post("/jobs", json=again, headers=key).json()
        redis.delete(*inputs_of(redis))
        assert client.post("/jobs", json=again, headers=key).json()["id"] == first["id"]


class TestPainting:
    def test_is_given_the_picture_and_the_mask(self, client: httpx.Client, redis: Redis) -> None:
        pipeline = PaintsFlat()
        with working(redis, pipeline):
            fields = {**REQUEST, "mask": in_base64(MASK)}
            response = client.post("/generate", json=fields)
        assert response.status_code == 200, response.text
        (inputs,) = pipeline.painted_on
        assert inputs.init_image is not None
        assert inputs.mask is not None
        assert opened(inputs.init_image).getpixel((5, 5)) == RED
        assert opened(inputs.mask).getpixel((5, 5)) == 255

    def test_fails_with_a_type_where_the_picture_is_gone(
        self, client: httpx.Client, redis: Redis
    ) -> None:
        job = submit(client)
        redis.delete(*inputs_of(redis))
        with working(redis):
            ended = client.get(job["urls"]["self"], params={"wait": 20}).json()
        assert (ended["state"], ended["error"]["type"]) == ("failed", "input_gone")

    def test_of_a_second_attempt_is_on_the_same_picture(
        self, client: httpx.Client, redis: Redis, store: JobStore
    ) -> None:
        def lose() -> None:
            (job_id,) = store.held_ids()
            store.update(job_id, lambda job, now: job.lose_worker(3, now))

        job = submit(client)
        with working(redis, CallsBeforeItReturns(lose)):
            pass
        again = PaintsFlat()
        with working(redis, again):
            client.post("/jobs", json={"prompt": "wakes the worker"})
            ended = client.get(job["urls"]["self"], params={"wait": 20}).json()
        assert (ended["state"], ended["attempt"]) == ("succeeded", 2)
        assert again.painted_on[0].init_image is not None


class TestWords:
    @pytest.fixture
    def png(self, client: httpx.Client, redis: Redis) -> bytes:
        with working(redis):
            return client.post("/generate", json={**REQUEST, "strength": 0.6}).content

    def test_say_the_reference_and_the_strength(self, png: bytes) -> None:
        texts = open_png(png).info
        request = json.loads(texts["semantic-bit"])["request"]
        assert (request["init_image"][:7], request["strength"]) == ("sha256:", 0.6)
        assert "Denoising strength: 0.6" in texts["parameters"]
        assert in_base64(PICTURE)[:100] not in png.decode("latin-1")

    def test_are_read_back_with_a_note(
        self, client: httpx.Client, redis: Redis, png: bytes
    ) -> None:
        info = client.post("/png-info", content=png).json()
        assert [note.split(":")[0] for note in info["notes"]] == ["init_image"]
        with working(redis):
            assert client.post("/generate", json=info["request"]).content == png

    def test_can_be_verified_while_the_picture_is_there(
        self, client: httpx.Client, redis: Redis, png: bytes
    ) -> None:
        with working(redis):
            assert client.post("/verify", content=png).json()["equal"] is True
        redis.delete(*inputs_of(redis))
        field, message = refusal(client.post("/verify", content=png))
        assert field == "init_image"
        assert "is not here" in message

    def test_of_a1111_alone_say_that_a_picture_is_missing(
        self, client: httpx.Client, png: bytes
    ) -> None:
        words = {"parameters": open_png(png).info["parameters"]}
        stripped = flat_png(words, size=(320, 256))
        info = client.post("/png-info", content=stripped).json()
        assert any("which a request gives as init_image" in note for note in info["notes"])
        response = client.post("/verify", content=stripped)
        assert "gives no init_image" in response.json()["detail"]
