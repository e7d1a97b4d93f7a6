"""The safety checker, with random weights and thresholds that decide what it finds."""

import math
from pathlib import Path

import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from shared.settings import Settings
from tests.pipeline.conftest import no_loras, small_request
from tests.support.tiny_models import tiny_model
from tests.support.tiny_safety import FLAGS_ALL, FLAGS_NOTHING, tiny_safety_checker
from worker.loading import load_pipeline
from worker.model_source import ModelUnavailable
from worker.pipeline import DiffusersPipeline
from worker.safety import SafetyChecker, find_safety_checker

WEIGHTS = "model.safetensors"


def settings(**changes: object) -> Settings:
    given = {"device": "cpu", "offline_mode": True, "safety_checker": "flag", **changes}
    return Settings.model_validate(given)


def find(source: Path, model: Path | None = None) -> SafetyChecker:
    found = find_safety_checker(settings(safety_checker_id=str(source)), model, "cpu")
    assert found is not None
    return found


def picture() -> Image.Image:
    return Image.effect_mandelbrot((96, 64), (-2, -1, 1, 1), 20).convert("RGB")


class TestFlags:
    @pytest.mark.parametrize(("threshold", "flagged"), [(FLAGS_ALL, True), (FLAGS_NOTHING, False)])
    def test_says_what_the_checker_finds_and_changes_no_pixel(
        self, tmp_path: Path, threshold: float, *, flagged: bool
    ) -> None:
        checker, image = find(tiny_safety_checker(tmp_path, threshold)), picture()
        assert checker.flags(image) is flagged
        assert image.tobytes() == picture().tobytes()

    def test_takes_offence_where_the_checker_comes_to_no_finite_judgement(
        self, tmp_path: Path
    ) -> None:
        tiny_safety_checker(tmp_path, FLAGS_NOTHING)
        weights = load_file(tmp_path / WEIGHTS)
        weights["visual_projection.weight"].fill_(math.nan)
        save_file(weights, tmp_path / WEIGHTS, metadata={"format": "pt"})
        assert find(tmp_path).flags(picture())


class TestFinding:
    def test_gives_none_where_it_is_off(self) -> None:
        assert find_safety_checker(settings(safety_checker="off"), None, "cpu") is None

    def test_prefers_the_models_own(self, tmp_path: Path) -> None:
        own = tiny_safety_checker(tmp_path / "model", FLAGS_ALL, apart=True)
        other = tiny_safety_checker(tmp_path / "other", FLAGS_NOTHING)
        assert find(other, own).flags(picture())
        assert not find(other, tmp_path).flags(picture())

    def test_takes_it_out_of_a_model_that_the_setting_names(self, tmp_path: Path) -> None:
        folder = tiny_safety_checker(tmp_path, FLAGS_ALL, apart=True)
        assert find(folder).flags(picture())

    def test_takes_weights_under_the_names_that_they_have_on_the_hub(self, tmp_path: Path) -> None:
        tiny_safety_checker(tmp_path, FLAGS_NOTHING)
        weights = load_file(tmp_path / WEIGHTS)
        published = {
            name.replace("vision_model.", "vision_model.vision_model."): weight
            for name, weight in weights.items()
        }
        save_file(published, tmp_path / WEIGHTS, metadata={"format": "pt"})
        assert not find(tmp_path).flags(picture())

    def test_refuses_weights_that_are_not_all_there(self, tmp_path: Path) -> None:
        tiny_safety_checker(tmp_path, FLAGS_NOTHING)
        weights = load_file(tmp_path / WEIGHTS)
        del weights["concept_embeds"]
        save_file(weights, tmp_path / WEIGHTS, metadata={"format": "pt"})
        with pytest.raises(ModelUnavailable, match="1 weights are missing, such as concept_embeds"):
            find(tmp_path)

    def test_says_in_one_line_which_setting_to_change(self, tmp_path: Path) -> None:
        with pytest.raises(ModelUnavailable) as refused:
            find(tmp_path / "nothing")
        line = str(refused.value)
        assert line.startswith(f"SAFETY_CHECKER_ID={tmp_path / 'nothing'}: cannot be loaded (")
        assert line.endswith("or SAFETY_CHECKER to off")
        assert "\n" not in line

    def test_names_the_model_where_its_own_is_broken(self, tmp_path: Path) -> None:
        tiny_safety_checker(tmp_path, FLAGS_ALL, apart=True)
        (tmp_path / "safety_checker" / WEIGHTS).unlink()
        with pytest.raises(ModelUnavailable, match=r"^SAFETY_CHECKER=flag: the model's own"):
            find(tmp_path / "other", tmp_path)


def test_a_flagged_picture_says_so_and_is_what_it_is_without_a_checker(tmp_path: Path) -> None:
    folder = tiny_safety_checker(tiny_model(tmp_path), FLAGS_ALL, apart=True)
    pipeline = load_pipeline(settings(model_id=str(folder)))
    painting = pipeline.generate(small_request(), lambda *_: None)
    model = pipeline._model  # noqa: SLF001
    plain = DiffusersPipeline(model, loras=no_loras(), on_again=lambda _: None)
    without = plain.generate(small_request(), lambda *_: None)
    assert (painting.flagged, without.flagged) == (True, None)
    assert painting.image.tobytes() == without.image.tobytes()
