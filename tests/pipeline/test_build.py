"""What a build says: all that its pixels depend on beside the request."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from shared.generation import Build
from shared.settings import Settings
from tests.support.tiny_models import tiny_model
from worker.loading import load_pipeline
from worker.numerics import switches, versions


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny") / "tiny", channels=16, heads=1)


def build_of(folder: Path, **settings: object) -> Build:
    wanted = {"device": "cpu", "model_id": str(folder), **settings}
    return load_pipeline(Settings.model_validate(wanted)).build


def differing(one: Build, other: Build) -> set[str]:
    return {name for name in Build.model_fields if getattr(one, name) != getattr(other, name)}


@pytest.fixture(scope="module")
def plain(folder: Path) -> Build:
    return build_of(folder)


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"torch_dtype": "bfloat16"}, "dtype"),
        ({"use_karras_sigmas": False}, "use_karras_sigmas"),
        ({"prompt_policy": "truncate"}, "prompt_policy"),
        ({"prompt_syntax": "plain"}, "prompt_syntax"),
        ({"prediction_type": "v_prediction"}, "prediction_type"),
        ({"channels_last": "on"}, "channels_last"),
    ],
)
def test_a_setting_that_changes_pixels_changes_one_part(
    folder: Path, plain: Build, settings: dict[str, object], part: str
) -> None:
    assert differing(plain, build_of(folder, **settings)) == {part}


def test_another_autoencoder_changes_one_part(folder: Path, plain: Build) -> None:
    assert differing(plain, build_of(folder, vae_id=str(folder / "vae"))) == {"vae"}


def test_another_number_of_threads_changes_one_part(folder: Path, plain: Build) -> None:
    torch.set_num_threads(plain.threads + 1)
    try:
        other = build_of(folder)
    finally:
        torch.set_num_threads(plain.threads)
    assert differing(plain, other) == {"threads"}


def test_a_variable_that_changes_how_numbers_are_computed_changes_one_part(
    folder: Path, plain: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MKL_CBWR", "AVX2")
    assert differing(plain, build_of(folder)) == {"switches"}


def test_only_such_variables_are_told() -> None:
    environment = {"ONEDNN_MAX_CPU_ISA": "AVX2", "API_KEY": "secret", "PATH": "/bin"}
    assert switches(environment) == {"ONEDNN_MAX_CPU_ISA": "AVX2"}


def test_the_device_is_named_with_the_instructions_that_torch_was_told_to_use() -> None:
    ask = "from worker.device_name import device_name; print(device_name('cpu'))"
    named = subprocess.run(
        [sys.executable, "-c", ask],
        env={**os.environ, "ATEN_CPU_CAPABILITY": "default", "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert named.strip().endswith("(DEFAULT)")


def test_versions_are_those_of_what_computes_and_writes_a_picture() -> None:
    computing = {"torch", "diffusers", "transformers", "numpy"}
    assert set(versions("cpu")) == computing | {"pillow"}
    assert set(versions("cuda")) == computing | {"pillow", "cudnn"}


def test_kernels_are_not_chosen_by_what_was_quick(folder: Path) -> None:
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.deterministic = False
    build_of(folder)
    assert not torch.backends.cudnn.benchmark
    assert torch.backends.cudnn.deterministic
