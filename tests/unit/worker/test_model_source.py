from pathlib import Path

import pytest

from worker.model_source import (
    BUNDLED,
    STABLE_DIFFUSION_1_5,
    ModelSource,
    ModelUnavailable,
    find_model,
)


def refusal_of(model_id: str) -> str:
    with pytest.raises(ModelUnavailable) as refused:
        find_model(model_id, has_cuda=False)
    return str(refused.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in diffusers format, as far as its names say."""
    folder = tmp_path / "my-model"
    (folder / "unet").mkdir(parents=True)
    (folder / "model_index.json").touch()
    (folder / "unet" / "diffusion_pytorch_model.safetensors").touch()
    return folder


class TestAuto:
    @pytest.mark.parametrize("auto", ["auto", "Auto", "AUTO"])
    def test_is_stable_diffusion_where_cuda_is_there(self, auto: str) -> None:
        source = ModelSource(name=STABLE_DIFFUSION_1_5)
        assert find_model(auto, has_cuda=True) == source

    def test_is_the_bundled_model_elsewhere(self) -> None:
        assert BUNDLED.parts[-2:] == ("models", "demo")
        try:
            found = find_model("auto", has_cuda=False)
        except ModelUnavailable as error:
            assert str(BUNDLED) in str(error)  # noqa: PT017  # A checkout without the weights.
        else:
            assert found == ModelSource(name="demo", path=BUNDLED)


class TestHubId:
    def test_is_taken_as_it_is(self) -> None:
        source = ModelSource(name="Lykon/dreamshaper-8")
        assert find_model("Lykon/dreamshaper-8", has_cuda=False) == source

    @pytest.mark.parametrize(
        "gone", ["runwayml/stable-diffusion-v1-5", "RunwayML/Stable-Diffusion-v1-5"]
    )
    def test_of_a_model_that_has_moved_leads_to_its_successor(self, gone: str) -> None:
        source = ModelSource(name=STABLE_DIFFUSION_1_5)
        assert find_model(gone, has_cuda=False) == source

    @pytest.mark.parametrize(
        "model_id", ["nothing", "a/b/c", "./a", "/nothing/here", "~/a", "a/b.safetensors"]
    )
    def test_has_an_owner_and_a_name(self, model_id: str) -> None:
        assert refusal_of(model_id).startswith(
            f"MODEL_ID={model_id}: no such folder or file, and not a hub id; set MODEL_ID to "
        )


class TestFolder:
    def test_is_named_by_its_last_part(self, folder: Path) -> None:
        source = ModelSource(name="my-model", path=folder)
        assert find_model(str(folder), has_cuda=True) == source

    @pytest.mark.parametrize(
        ("missing", "complaint"),
        [
            ("model_index.json", "the folder has no model_index.json"),
            ("unet/diffusion_pytorch_model.safetensors", "the folder has no unet/*.safetensors"),
        ],
    )
    def test_needs_what_diffusers_writes(self, folder: Path, missing: str, complaint: str) -> None:
        (folder / missing).unlink()
        assert f"MODEL_ID={folder}: {complaint}; set MODEL_ID to " in refusal_of(str(folder))

    def test_with_pickled_weights_only_is_refused(self, folder: Path) -> None:
        weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
        weights.rename(weights.with_suffix(".bin"))
        assert "no unet/*.safetensors" in refusal_of(str(folder))


class TestFile:
    @pytest.mark.parametrize("name", ["model.safetensors", "model.SafeTensors"])
    def test_in_safetensors_form_is_taken(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        path.touch()
        assert find_model(str(path), has_cuda=False) == ModelSource(name=name, path=path)

    @pytest.mark.parametrize("suffix", ["ckpt", "pt", "pth", "bin", "pkl", "CKPT"])
    @pytest.mark.parametrize("exists", [True, False])
    def test_of_pickled_weights_is_refused(
        self, tmp_path: Path, suffix: str, *, exists: bool
    ) -> None:
        path = tmp_path / f"model.{suffix}"
        if exists:
            path.touch()
        assert "pickled weights can run code and are refused" in refusal_of(str(path))

    def test_of_another_kind_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "model.txt"
        path.touch()
        assert "not a .safetensors file" in refusal_of(str(path))


class TestRefusals:
    @pytest.mark.parametrize("model_id", ["nothing", "model.ckpt", "/", "a/b/c"])
    def test_are_one_line_that_says_what_to_set(self, model_id: str) -> None:
        line = refusal_of(model_id)
        assert "\n" not in line
        assert line.endswith("a folder in diffusers format, a .safetensors file, or auto")
