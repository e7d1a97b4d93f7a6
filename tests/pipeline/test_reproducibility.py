"""The contract of docs/reproducibility.md: one picture for one request and build, come what may."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
import torch
from PIL import Image

from shared.settings import Settings
from tests.pipeline.conftest import FailingTimes, small_request
from tests.support.input_pictures import encoded, half_and_half, mask_of_left
from tests.support.loras import write_diffusers_lora, write_kohya_lora
from tests.support.tiny_models import PredictionType, tiny_model
from worker.inputs import Inputs
from worker.lease import Canceled
from worker.loading import load_pipeline
from worker.painting import PaintingFailed
from worker.pipeline import DiffusersPipeline

ANY = "sha256:" + "0" * 64
SIZE = (256, 256)
PICTURE, MASK = encoded(half_and_half(SIZE)), encoded(mask_of_left(SIZE))
LONG = "a (red:1.3) circle on a [blue] background, " * 9 + "BREAK a green star"
FROM_PICTURE: dict[str, object] = {"init_image": ANY, "strength": 0.6}

KINDS: dict[str, dict[str, object]] = {
    "plain": {},
    "long and weighted prompts": {"prompt": LONG, "negative_prompt": "(sea:1.2), [trees]"},
    "Euler ancestral": {"scheduler": "euler_ancestral"},
    "DPM++ SDE": {"scheduler": "dpmsolver++_sde"},
    "a LoRA": {"loras": [{"name": "stripes", "weight": 0.7}]},
    "from a picture": FROM_PICTURE,
    "in a part of a picture": {**FROM_PICTURE, "mask": ANY, "scheduler": "euler_ancestral"},
    "without guidance": {"guidance_scale": 1.0},
    "another size": {"height": 264, "width": 272},
}

Start = Callable[[], DiffusersPipeline]
"""Starts a worker, as far as the model is one."""


@dataclass(frozen=True)
class Worker:
    """A pipeline, and all that can happen on it."""

    pipeline: DiffusersPipeline
    is_watched: bool = False
    """Somebody looks at the preview of each step."""

    def paint(self, kind: str, stop_at: int = 0) -> bytes:
        """Give the pixels of a kind of request.

        Raises:
            Canceled: The step to stop at was reached.
        """
        fields = KINDS[kind]
        inputs = Inputs(
            PICTURE if "init_image" in fields else None, MASK if "mask" in fields else None
        )

        def on_step(step: int, preview: Callable[[], Image.Image] | None = None) -> None:
            if self.is_watched and preview is not None:
                preview()
            if step == stop_at:
                raise Canceled

        return self.pipeline.generate(small_request(**fields), on_step, inputs).image.tobytes()

    def cancel(self, kind: str, chance: Random) -> None:
        with pytest.raises(Canceled):
            self.paint(kind, stop_at=chance.randint(1, 3))

    def run_out_of_memory(self, kind: str, chance: Random) -> None:
        """Twice, somewhere in the model, so that the job fails."""
        parts = self.pipeline._model.pipeline  # noqa: SLF001  # Where the faults come in.
        part = chance.choice([parts.unet.conv_out, parts.vae.decoder, parts.unet.mid_block])
        fault = FailingTimes(2, torch.OutOfMemoryError("full"))
        handle = part.register_forward_hook(fault)
        try:
            with pytest.raises(PaintingFailed):
                self.paint(kind)
        finally:
            handle.remove()
        assert fault.left == 0


@pytest.fixture(scope="module", params=["bundled", "epsilon", "v_prediction"])
def start(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Start:
    folder = tmp_path_factory.mktemp(request.param)
    file = folder / "stripes.safetensors"
    if request.param == "bundled":
        write_kohya_lora(file)
        model = "auto"
    else:
        model = str(_tiny(folder / "model", request.param, file))
    settings = Settings(device="cpu", model_id=model, lora_dir=folder, _env_file=None)
    return lambda: load_pipeline(settings)


def _tiny(folder: Path, prediction_type: PredictionType, lora: Path) -> Path:
    block = "down_blocks.0.attentions.0.transformer_blocks.0"
    write_diffusers_lora(
        lora,
        unet={f"{block}.attn1.to_q": (16, 16), f"{block}.attn2.to_v": (32, 16)},
        text_encoder={"text_model.encoder.layers.0.self_attn.v_proj": (32, 32)},
    )
    return tiny_model(folder, prediction_type, channels=16, heads=1)


@pytest.fixture(scope="module")
def pictures(start: Start) -> dict[str, bytes]:
    """Each kind's, painted in their order by a worker that nothing happens to."""
    worker = Worker(start())
    return {kind: worker.paint(kind) for kind in KINDS}


@pytest.fixture(scope="module")
def another_worker(start: Start) -> Worker:
    return Worker(start(), is_watched=True)


def test_each_kind_of_request_has_a_picture_of_its_own(pictures: dict[str, bytes]) -> None:
    assert len(set(pictures.values())) == len(KINDS)


def test_another_worker_that_is_watched_paints_the_same_after_others_ended_in_every_way(
    another_worker: Worker, pictures: dict[str, bytes]
) -> None:
    chance = Random(7)
    disturbances = [another_worker.cancel, another_worker.run_out_of_memory]
    before: list[str] = []
    for number, kind in enumerate(chance.sample(list(KINDS), len(KINDS))):
        disturbed = chance.choice([other for other in KINDS if other != kind])
        disturb = disturbances[number % 2]
        disturb(disturbed, chance)
        before.append(f"{disturb.__name__}: {disturbed}")
        assert another_worker.paint(kind) == pictures[kind], (kind, before)
        before.append(kind)


def test_an_out_of_memory_amidst_a_picture_does_not_change_it(
    another_worker: Worker, pictures: dict[str, bytes]
) -> None:
    decoder = another_worker.pipeline._model.pipeline.vae.decoder  # noqa: SLF001
    handle = decoder.register_forward_hook(FailingTimes(1, torch.OutOfMemoryError("full")))
    try:
        assert another_worker.paint("DPM++ SDE") == pictures["DPM++ SDE"]
    finally:
        handle.remove()
