"""Loading a model: what is there, what is not, and what is refused."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from shared.settings import Settings
from worker.devices import choose_device, choose_dtype
from worker.loading import load_pipeline
from worker.model_source import BUNDLED, ModelUnavailable
from worker.pipeline import DiffusersPipeline


def settings(**values: object) -> Settings:
    return Settings.model_validate({"device": "cpu", **values})


def test_auto_is_the_bundled_model_where_there_is_no_cuda(pipeline: DiffusersPipeline) -> None:
    build = pipeline.build
    assert (build.model, build.device, build.dtype) == ("demo", "cpu", "float32")
    assert build.model_revision.startswith("sha256:")


def test_the_revision_changes_with_a_weight(tmp_path: Path, pipeline: DiffusersPipeline) -> None:
    folder = shutil.copytree(BUNDLED, tmp_path / "demo")
    weights = folder / "vae" / "diffusion_pytorch_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    changed = load_pipeline(settings(model_id=str(folder))).build
    assert changed.model_revision != pipeline.build.model_revision


def test_the_revision_changes_with_a_config(tmp_path: Path, pipeline: DiffusersPipeline) -> None:
    folder = shutil.copytree(BUNDLED, tmp_path / "demo")
    file = folder / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "beta_end": 0.013}))
    changed = load_pipeline(settings(model_id=str(folder))).build
    assert changed.model_revision != pipeline.build.model_revision


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("unet/diffusion_pytorch_model.safetensors", "no unet/*.safetensors"),
        ("model_index.json", "no model_index.json"),
        ("vae/config.json", "cannot be loaded"),
    ],
)
def test_an_incomplete_folder_gives_one_line(tmp_path: Path, damage: str, said: str) -> None:
    folder = shutil.copytree(BUNDLED, tmp_path / "demo")
    (folder / damage).unlink()
    with pytest.raises(ModelUnavailable) as refused:
        load_pipeline(settings(model_id=str(folder)))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_truncated_weight_file_gives_one_line(tmp_path: Path) -> None:
    folder = shutil.copytree(BUNDLED, tmp_path / "demo")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelUnavailable) as refused:
        load_pipeline(settings(model_id=str(folder)))
    assert "\n" not in str(refused.value)


def test_a_hub_model_that_is_not_in_the_cache_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable) as refused:
        load_pipeline(settings(model_id="nobody/nothing", local_files_only=True))
    assert "MODEL_ID=nobody/nothing" in str(refused.value)
    assert "OFFLINE_MODE" in str(refused.value)


def test_a_device_that_is_not_there_names_those_that_are() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(ModelUnavailable, match=r"DEVICE=cuda: .*auto, .*cpu"):
        choose_device("cuda")


@pytest.mark.parametrize(
    ("wanted", "device", "dtype"),
    [
        ("auto", "cuda", torch.float16),
        ("auto", "cpu", torch.float32),
        ("auto", "mps", torch.float32),
        ("bfloat16", "cpu", torch.bfloat16),
    ],
)
def test_the_dtype_follows_the_device_unless_it_is_set(
    wanted: str, device: str, dtype: torch.dtype
) -> None:
    assert choose_dtype(wanted, device) is dtype


def test_no_safety_checker_is_part_of_the_bundled_model() -> None:
    index = json.loads((BUNDLED / "model_index.json").read_text())
    assert index.get("safety_checker", [None, None]) == [None, None]
