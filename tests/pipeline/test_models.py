"""Models of every form that a source may have, and several of them on one worker."""

from pathlib import Path

import pytest
import torch

from shared.settings import Settings
from tests.pipeline.conftest import small_request
from tests.support.single_files import single_file
from tests.support.tiny_models import tiny_model
from worker.loading import ModelLoader, load_pipeline
from worker.model_shelf import ModelShelf
from worker.model_source import ModelUnavailable, find_models
from worker.painting import Pipeline, SingleModel
from worker.pipeline import DiffusersPipeline
from worker.single_file import Family, NotACheckpoint, load_file


def settings(**values: object) -> Settings:
    return Settings.model_validate({"device": "cpu", **values})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny") / "tiny")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny") / "other", "v_prediction", seed=1)


def pixels(painter: Pipeline | SingleModel, /, **fields: object) -> bytes:
    return painter.generate(small_request(**fields), lambda *_: None).image.tobytes()


class TestShelf:
    @pytest.mark.parametrize("limit", [1, 3])
    def test_paints_the_same_bytes_whatever_was_loaded_between(
        self, folder: Path, other: Path, limit: int, pipeline: DiffusersPipeline
    ) -> None:
        wanted = settings(models=f"a={folder},b={other},bundled=auto", model_id=str(folder))
        shelf = ModelShelf(
            find_models(wanted, has_cuda=False), ModelLoader(wanted, print, print), limit=limit
        )
        first = {name: pixels(shelf, model=name) for name in ("a", "b", "bundled")}
        again = {name: pixels(shelf, model=name) for name in ("bundled", "a", "b")}
        assert first == again
        assert len(set(first.values())) == 3
        assert first["bundled"] == pixels(pipeline)


class TestPredictionType:
    def test_is_the_models_own(self, other: Path) -> None:
        own = load_pipeline(settings(model_id=str(other)))
        as_told = load_pipeline(settings(model_id=str(other), prediction_type="V_Prediction"))
        assert pixels(own) == pixels(as_told)
        assert (own.build.prediction_type, as_told.build.prediction_type) == (None, "v_prediction")

    def test_can_be_set_to_another(self, other: Path) -> None:
        own = load_pipeline(settings(model_id=str(other)))
        wrong = load_pipeline(settings(model_id=str(other), prediction_type="epsilon"))
        assert pixels(own) != pixels(wrong)


class TestVae:
    def test_of_another_model_takes_the_place_of_its_own(self, folder: Path, other: Path) -> None:
        plain = load_pipeline(settings(model_id=str(folder)))
        changed = load_pipeline(settings(model_id=str(folder), vae_id=str(other / "vae")))
        whole = load_pipeline(settings(model_id=str(folder), vae_id=str(other)))
        assert pixels(plain) != pixels(changed) == pixels(whole)
        assert plain.build.vae is None
        assert changed.build.vae is not None
        assert changed.build.vae.startswith("vae sha256:")

    @pytest.mark.parametrize(
        ("vae_id", "said"),
        [
            ("vae.pt", "pickled weights can run code"),
            ("/nowhere", "no such folder or .safetensors file"),
            ("nobody/nothing", "cannot be loaded"),
        ],
    )
    def test_that_is_not_there_gives_one_line(self, folder: Path, vae_id: str, said: str) -> None:
        with pytest.raises(ModelUnavailable) as refused:
            load_pipeline(settings(model_id=str(folder), vae_id=vae_id, offline_mode=True))
        line = str(refused.value)
        assert line.startswith(f"VAE_ID={vae_id}: ")
        assert said in line
        assert "\n" not in line


class TestSingleFile:
    def families(self, folder: Path) -> dict[int, Family]:
        return {32: Family(folder, tokenizer=folder / "tokenizer")}

    def test_has_the_weights_of_the_folder(self, folder: Path, tmp_path: Path) -> None:
        path = single_file(folder, tmp_path / "tiny.safetensors")
        loaded = load_file(path, torch.float32, families=self.families(folder))
        whole = load_pipeline(settings(model_id=str(folder)))._model.pipeline  # noqa: SLF001
        for part in ("unet", "vae", "text_encoder"):
            found, expected = (
                getattr(loaded, part).state_dict(),
                getattr(whole, part).state_dict(),
            )
            assert found.keys() == expected.keys()
            assert all(torch.equal(found[key], expected[key]) for key in found)

    @pytest.mark.parametrize(
        ("said", "prediction_type"),
        [
            (None, "epsilon"),
            ({"modelspec.prediction_type": "v"}, "v_prediction"),
            ({"modelspec.prediction_type": "epsilon"}, "epsilon"),
        ],
    )
    def test_may_say_what_it_predicts(
        self, folder: Path, tmp_path: Path, said: dict[str, str] | None, prediction_type: str
    ) -> None:
        path = single_file(folder, tmp_path / "tiny.safetensors", metadata=said)
        loaded = load_file(path, torch.float32, families=self.families(folder))
        assert loaded.scheduler.config.prediction_type == prediction_type

    @pytest.mark.parametrize(
        ("without", "said"),
        [
            ("model.diffusion_model", "no U-Net"),
            ("cond_stage_model", "no text encoder"),
            ("first_stage_model", "no VAE is in it, and VAE_ID names none"),
        ],
    )
    def test_that_lacks_a_part_says_which(
        self, folder: Path, tmp_path: Path, without: str, said: str
    ) -> None:
        path = single_file(folder, tmp_path / "tiny.safetensors", without=without)
        with pytest.raises(NotACheckpoint, match=said):
            load_file(path, torch.float32, families=self.families(folder))

    def test_of_another_family_is_refused_in_one_line(self, folder: Path, tmp_path: Path) -> None:
        path = single_file(folder, tmp_path / "tiny.safetensors")
        with pytest.raises(ModelUnavailable) as refused:
            load_pipeline(settings(model_id=str(path)))
        assert "not of SD 1.x or 2.x: its U-Net looks at 32 numbers" in str(refused.value)

    def test_that_is_cut_off_is_refused_in_one_line(self, tmp_path: Path) -> None:
        path = tmp_path / "cut.safetensors"
        path.write_bytes(b"\x10\0\0\0\0\0\0\0{")
        with pytest.raises(ModelUnavailable) as refused:
            load_pipeline(settings(model_id=str(path)))
        assert "not a whole safetensors file" in str(refused.value)
        assert "\n" not in str(refused.value)


class TestNames:
    def test_are_those_of_the_setting_and_the_default_is_first(self, folder: Path) -> None:
        found = find_models(settings(models=f"b={folder}", model_id="auto"), has_cuda=False)
        assert [model.name for model in found] == ["demo", "b"]

    @pytest.mark.usefixtures("clean_environment")
    def test_begin_with_the_first_where_no_default_is_set(self, folder: Path) -> None:
        found = find_models(settings(models=f"b={folder},c=auto"), has_cuda=False)
        assert [model.name for model in found] == ["b", "c"]

    def test_of_two_models_differ(self, folder: Path) -> None:
        with pytest.raises(ModelUnavailable, match=r"MODELS=demo=.* has that name"):
            find_models(settings(models=f"demo={folder}", model_id="auto"), has_cuda=False)

    def test_of_a_source_that_is_not_there_are_told(self) -> None:
        with pytest.raises(ModelUnavailable, match="MODELS=a=/nowhere: no such folder"):
            find_models(settings(models="a=/nowhere"), has_cuda=False)
