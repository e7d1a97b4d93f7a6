"""LoRAs over real HTTP: listed by the worker, painted with, and told of."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.test_pictures import QUICK, open_picture, paint
from tests.support.loras import ones, write_diffusers_lora, write_tensors
from tests.support.stack import Stack, eventually
from worker.encoding import encode_png

STRIPES = [{"name": "stripes", "weight": 0.7}]


@pytest.fixture
def folder(stack: Stack) -> Path:
    return stack.folder / "loras"


def listed(client: httpx.Client) -> dict[str, dict[str, Any]]:
    return {lora["name"]: lora for lora in client.get("/loras").json()["loras"]}


def test_a_picture_is_painted_with_one_and_the_next_without_it(client: httpx.Client) -> None:
    plain = paint(client)
    striped = paint(client, loras=STRIPES)
    assert open_picture(striped).tobytes() != open_picture(plain).tobytes()
    assert paint(client).content == plain.content
    assert paint(client, loras=STRIPES).content == striped.content


def test_one_that_comes_while_the_worker_runs_is_listed_and_can_be_used(
    client: httpx.Client, folder: Path
) -> None:
    file = write_diffusers_lora(folder / "newcomer.safetensors")
    there = eventually(lambda: listed(client), until=lambda loras: "newcomer" in loras)
    assert there["newcomer"]["size_bytes"] == file.stat().st_size
    paint(client, loras=[{"name": "newcomer"}])


def test_a_picture_says_its_loras_and_names_the_file_that_was_replaced(
    client: httpx.Client, folder: Path
) -> None:
    file = write_diffusers_lora(folder / "changing.safetensors", seed=3)
    eventually(lambda: listed(client), until=lambda loras: "changing" in loras)
    picture = open_picture(paint(client, loras=[{"name": "changing"}]))
    words = picture.info["parameters"]
    assert words.startswith(f"{QUICK['prompt']} <lora:changing:1>\n")

    png = encode_png(picture, {"semantic-bit": str(picture.info["semantic-bit"])})
    same = client.post("/verify", content=png).json()
    assert (same["equal"], same["build"]) == (True, {}), same

    write_diffusers_lora(file, seed=4)
    other = client.post("/verify", content=png).json()
    assert (other["equal"], list(other["build"])) == (False, ["loras.changing"]), other


def test_one_for_another_model_fails_its_job_and_no_other(
    client: httpx.Client, folder: Path
) -> None:
    place = "lora_te2_text_model_encoder_layers_11_mlp_fc1"
    tensors = {f"{place}__lora_down__weight": ones(4, 9), f"{place}__lora_up__weight": ones(9, 4)}
    write_tensors(folder / "for-sdxl.safetensors", **tensors)
    eventually(lambda: listed(client), until=lambda loras: "for-sdxl" in loras)
    failed = client.post("/generate", json={**QUICK, "loras": [{"name": "for-sdxl"}]})
    assert (failed.status_code, failed.json()["meta"]["type"]) == (500, "lora_unusable")
    assert "made for another base model" in failed.json()["detail"]
    paint(client)
