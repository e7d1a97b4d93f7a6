"""LoRAs on the bundled model: what they change, and that nothing of them stays."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from shared.job_parts import FailureType
from shared.loras import LoraUsed
from shared.settings import Settings
from tests.pipeline.conftest import FailingTimes, small_request
from tests.support.loras import (
    ones,
    write_diffusers_lora,
    write_header,
    write_kohya_lora,
    write_tensors,
)
from worker.lease import Canceled
from worker.loading import load_pipeline
from worker.painting import PaintingFailed
from worker.pipeline import DiffusersPipeline

PaintWith = Callable[..., bytes]
ONE = [{"name": "kohya", "weight": 0.8}]
OTHER = [{"name": "diffusers", "weight": -0.5}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loras")
    write_kohya_lora(folder / "kohya.safetensors")
    write_diffusers_lora(folder / "diffusers.safetensors", seed=2)
    return folder


@pytest.fixture(scope="module")
def own(folder: Path) -> DiffusersPipeline:
    return load_pipeline(Settings(device="cpu", lora_dir=folder, _env_file=None))


@pytest.fixture
def paint(own: DiffusersPipeline) -> PaintWith:
    def paint_with(loras: object = (), **fields: object) -> bytes:
        request = small_request(loras=loras, **fields)
        return own.generate(request, lambda *_: None).image.tobytes()

    return paint_with


def weights_of(pipeline: DiffusersPipeline) -> dict[str, torch.Tensor]:
    warm = pipeline._model.pipeline  # noqa: SLF001  # What no job may change.
    return {
        f"{root}.{name}": weight.detach().clone()
        for root in ("unet", "text_encoder")
        for name, weight in getattr(warm, root).state_dict().items()
    }


def assert_unchanged(pipeline: DiffusersPipeline, before: dict[str, torch.Tensor]) -> None:
    now = weights_of(pipeline)
    assert now.keys() == before.keys()
    changed = [name for name, weight in now.items() if not torch.equal(weight, before[name])]
    assert changed == []


class TestPainting:
    @pytest.mark.parametrize("loras", [ONE, OTHER], ids=["kohya", "diffusers"])
    def test_changes_the_picture_and_is_the_same_again_whatever_came_between(
        self, paint: PaintWith, loras: object
    ) -> None:
        plain = paint()
        changed = paint(loras)
        assert changed != plain
        assert paint() == plain
        paint([*ONE, *OTHER])
        assert paint(loras) == changed
        assert paint() == plain

    @pytest.mark.parametrize("first", [(), ONE], ids=["plain", "with it"])
    def test_shares_no_encoded_prompt_with_the_plain_model(
        self, own: DiffusersPipeline, paint: PaintWith, first: object
    ) -> None:
        prompt = f"a prompt of its own, {first}"
        paint(first, prompt=prompt)
        pictures = [paint(loras, prompt=prompt) for loras in ((), ONE)]
        own._texts.clear()  # noqa: SLF001  # As if neither had been painted.
        assert [paint(loras, prompt=prompt) for loras in (ONE, ())] == pictures[::-1]

    def test_does_not_depend_on_the_order_of_the_list(self, paint: PaintWith) -> None:
        both = paint([*ONE, *OTHER])
        assert paint([*OTHER, *ONE]) == both
        assert both not in {paint(ONE), paint(OTHER)}

    def test_with_a_weight_of_nought_changes_nothing(self, paint: PaintWith) -> None:
        assert paint([{"name": "kohya", "weight": 0}]) == paint()

    def test_the_words_of_either_trainer_come_to_the_same_picture(
        self, paint: PaintWith, folder: Path
    ) -> None:
        write_kohya_lora(folder / "same-kohya.safetensors", seed=5, alpha=4)
        write_diffusers_lora(folder / "same-diffusers.safetensors", seed=5)
        assert paint([{"name": "same-kohya"}]) == paint([{"name": "same-diffusers"}])

    def test_alpha_over_rank_scales_it(self, paint: PaintWith, folder: Path) -> None:
        write_kohya_lora(folder / "half.safetensors", seed=5, alpha=2)
        write_kohya_lora(folder / "full.safetensors", seed=5, alpha=4)
        assert paint([{"name": "half", "weight": 1}]) == paint([{"name": "full", "weight": 0.5}])

    def test_tells_what_it_painted_with_in_the_order_of_the_request(
        self, own: DiffusersPipeline
    ) -> None:
        painting = own.generate(small_request(loras=[*ONE, *OTHER]), lambda *_: None)
        assert [(lora.name, lora.weight) for lora in painting.loras] == [
            ("kohya", 0.8),
            ("diffusers", -0.5),
        ]
        assert all(len(lora.sha256) == 64 and len(lora.autov3) == 12 for lora in painting.loras)

    def test_takes_a_file_that_came_or_was_replaced_while_the_worker_ran(
        self, own: DiffusersPipeline, paint: PaintWith, folder: Path
    ) -> None:
        def told() -> LoraUsed:
            request = small_request(loras=[{"name": "new"}])
            return own.generate(request, lambda *_: None).loras[0]

        file = write_kohya_lora(folder / "new.safetensors", seed=8)
        first, first_told = paint([{"name": "new"}]), told()
        write_kohya_lora(file, seed=9)
        os.utime(file, ns=(1, 1))  # A clock may be too coarse to tell the two apart.
        assert paint([{"name": "new"}]) != first
        assert told().sha256 != first_told.sha256


class TestLeavesTheModel:
    def test_bit_for_bit_after_a_picture(self, own: DiffusersPipeline, paint: PaintWith) -> None:
        before = weights_of(own)
        paint([*ONE, *OTHER])
        assert_unchanged(own, before)

    def test_bit_for_bit_after_a_cancel(self, own: DiffusersPipeline, paint: PaintWith) -> None:
        def stop(step: int, preview: object = None) -> None:
            raise Canceled

        before, plain = weights_of(own), paint()
        with pytest.raises(Canceled):
            own.generate(small_request(loras=ONE), stop)
        assert_unchanged(own, before)
        assert paint() == plain

    @pytest.mark.parametrize(
        ("fault", "times", "seen"),
        [
            (torch.OutOfMemoryError("full"), 2, PaintingFailed),
            (RuntimeError("broken"), 1, RuntimeError),
        ],
        ids=["out of memory", "another error"],
    )
    def test_bit_for_bit_after_an_error_midway(
        self,
        *,
        own: DiffusersPipeline,
        paint: PaintWith,
        fault: Exception,
        times: int,
        seen: type[Exception],
    ) -> None:
        before, plain = weights_of(own), paint()
        unet = own._model.pipeline.unet  # noqa: SLF001  # Where the faults come in.
        handle = unet.register_forward_hook(FailingTimes(times, fault))
        try:
            with pytest.raises(seen):
                own.generate(small_request(loras=[*ONE, *OTHER]), lambda *_: None)
        finally:
            handle.remove()
        assert_unchanged(own, before)
        assert paint() == plain

    def test_bit_for_bit_after_one_that_fits_at_first_and_then_not(
        self, own: DiffusersPipeline, folder: Path
    ) -> None:
        fits = ones(4, 112)
        module = "unet.down_blocks.2.attentions.0.transformer_blocks.0.attn1.to_"
        write_tensors(
            folder / "half-fits.safetensors",
            **{
                f"{module}q.lora_A.weight".replace(".", "__"): fits,
                f"{module}q.lora_B.weight".replace(".", "__"): ones(112, 4),
                f"{module}v.lora_A.weight".replace(".", "__"): ones(4, 320),
                f"{module}v.lora_B.weight".replace(".", "__"): ones(320, 4),
            },
        )
        before = weights_of(own)
        with pytest.raises(PaintingFailed, match="another base model"):
            own.generate(small_request(loras=[{"name": "half-fits"}]), lambda *_: None)
        assert_unchanged(own, before)


class TestUnusable:
    @pytest.mark.parametrize(
        ("name", "tensors", "said"),
        [
            (
                "sdxl",
                {"lora_te1_x__lora_down__weight": 4, "lora_te1_x__lora_up__weight": 4},
                "base",
            ),
            ("loha", {"lora_unet_x__hada_w1_a": 4, "lora_unet_x__alpha": 1}, "hada_w1_a"),
            ("half", {"lora_unet_x__lora_down__weight": 4}, "half of x is missing"),
            ("ranks", {"x__lora_down__weight": 4, "x__lora_up__weight": 3}, "do not fit"),
            (
                "alphas",
                {"x__lora_down__weight": 4, "x__lora_up__weight": 4, "x__alpha": 2},
                "do not fit",
            ),
        ],
    )
    def test_fails_the_job_with_a_sentence(
        self,
        *,
        own: DiffusersPipeline,
        folder: Path,
        name: str,
        tensors: dict[str, int],
        said: str,
    ) -> None:
        named = {key: ones(size, size) for key, size in tensors.items()}
        write_tensors(folder / f"{name}.safetensors", **named)
        assert said in self.refusal(own, name)

    def test_with_numbers_that_are_not_finite(self, own: DiffusersPipeline, folder: Path) -> None:
        tensors = {"x__lora_down__weight": ones(4, 4) * np.float32(np.nan)}
        write_tensors(folder / "nan.safetensors", **tensors)
        assert "not finite" in self.refusal(own, "nan")

    def test_with_a_header_that_lies(self, own: DiffusersPipeline, folder: Path) -> None:
        entry = {"dtype": "F32", "shape": [1000], "data_offsets": [0, 4]}
        write_header(folder / "liar.safetensors", {"x.lora_down.weight": entry}, b"\0\0\0\0")
        assert "broken" in self.refusal(own, "liar")

    def test_whose_file_is_gone(self, own: DiffusersPipeline) -> None:
        assert "not in the worker's folder any more" in self.refusal(own, "nowhere")

    def refusal(self, own: DiffusersPipeline, name: str) -> str:
        with pytest.raises(PaintingFailed) as failed:
            own.generate(small_request(loras=[{"name": name}]), lambda *_: None)
        assert failed.value.failure.type is FailureType.LORA_UNUSABLE
        detail = failed.value.failure.detail
        assert detail.startswith(f"The LoRA '{name}' cannot be used: ")
        assert "/" not in detail
        return detail
