"""What the ways to run the model gain on the device, and whether they change the picture."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.bare import PROMPT, SIZE, STEPS, device_wanted, model_wanted
from benchmarks.command import Effort, run
from benchmarks.report import Figure, Findings
from benchmarks.spread import ratios
from benchmarks.turns import in_turns
from shared.generation import GenerationRequest
from shared.settings import Settings

if TYPE_CHECKING:
    from worker.painting import Painting
    from worker.pipeline import DiffusersPipeline

_NOTES = (
    (
        f"{SIZE}x{SIZE}, {STEPS} steps: seconds of text, denoising and decoding to those of the"
        " defaults, painted in turns; share of the pixels that another value has, and by how much."
    ),
    (
        "Two are no settings. Projections of query, key and value that are fused do not see a LoRA,"
        " which changes each by itself. The small decoder has random weights here, so its picture"
        " says nothing; `VAE_ID=madebyollin/taesd` is a trained one."
    ),
)
_LEFT_OUT = "Not measured here: {names}."


def _nothing(_: Any) -> None:  # noqa: ANN401  # Untyped, as all of diffusers.
    """Leave the pipeline as it is."""


def _fuse(pipeline: Any) -> None:  # noqa: ANN401
    pipeline.unet.fuse_qkv_projections()


def _take_small_decoder(pipeline: Any) -> None:  # noqa: ANN401
    from diffusers import AutoencoderTiny  # noqa: PLC0415  # Only where it is measured.

    decoder = AutoencoderTiny().to(pipeline.vae.device, pipeline.vae.dtype).eval()
    decoder.register_to_config(scaling_factor=1.0)
    pipeline.vae = decoder


@dataclass(frozen=True)
class Option:
    """A way to run the model."""

    settings: dict[str, str] = field(default_factory=dict)
    change: Callable[[Any], None] = _nothing
    """What no setting does."""

    slow_to_start: bool = False
    cuda_only: bool = False

    def is_tried(self, effort: Effort) -> bool:
        """Say whether a run has the time for it."""
        if self.slow_to_start and effort.quick:
            return False
        return not self.cuda_only or device_wanted() == "cuda"


_OPTIONS = {
    "the same again": Option(),
    "CHANNELS_LAST=on": Option({"channels_last": "on"}),
    "TORCH_DTYPE=bfloat16": Option({"torch_dtype": "bfloat16"}),
    "fused projections": Option(change=_fuse),
    "a small decoder": Option(change=_take_small_decoder),
    "COMPILE=default": Option({"compile": "default"}, slow_to_start=True),
    "COMPILE=default CHANNELS_LAST=on": Option(
        {"compile": "default", "channels_last": "on"}, slow_to_start=True, cuda_only=True
    ),
    "COMPILE=max-autotune CHANNELS_LAST=on": Option(
        {"compile": "max-autotune", "channels_last": "on"}, slow_to_start=True, cuda_only=True
    ),
}


def measure(effort: Effort) -> Findings:
    """Compare each with the defaults, two models at a time."""
    tried = {name: option for name, option in _OPTIONS.items() if option.is_tried(effort)}
    plain = _load(Option({"channels_last": "off"}))
    figures = chain.from_iterable(
        _figures(name, option, plain, effort) for name, option in tried.items()
    )
    left_out = [f"`{name}`" for name in _OPTIONS if name not in tried]
    more = (_LEFT_OUT.format(names=", ".join(left_out)),) if left_out else ()
    return Findings(figures=tuple(figures), notes=(*_NOTES, *more))


def _load(option: Option) -> "DiffusersPipeline":
    # Here, because torch is not needed to list the benchmarks.
    import torch  # noqa: PLC0415

    from worker.loading import load_pipeline  # noqa: PLC0415

    chosen = {"device": device_wanted(), "model_id": model_wanted(), **option.settings}
    pipeline = load_pipeline(Settings.model_validate(chosen))
    with torch.inference_mode():
        option.change(pipeline._model.pipeline)  # noqa: SLF001  # Below what it lets others set.
    return pipeline


def _figures(
    name: str, option: Option, plain: "DiffusersPipeline", effort: Effort
) -> Iterator[Figure]:
    ways = {"plain": partial(_paint, plain), name: partial(_paint, _load(option))}
    in_turns(ways, 1)  # The first of a shape is slower.
    taken = in_turns(ways, effort.of(8, 1))
    seconds = {way: [_seconds(one) for one in paintings] for way, paintings in taken.items()}
    yield Figure.middle(f"{name}: time", ratios(seconds[name], seconds["plain"]))
    pair = (np.asarray(taken[way][0].image, dtype=np.int16) for way in ("plain", name))
    distance = np.abs(np.subtract(*pair)).max(axis=-1)
    yield Figure(
        what=f"{name}: pixels that differ", value=100 * float((distance > 0).mean()), unit="%"
    )
    yield Figure(what=f"{name}: by at most, of 255", value=float(distance.max()))


def _paint(pipeline: "DiffusersPipeline") -> "Painting":
    request = GenerationRequest(prompt=PROMPT, seed=0, num_inference_steps=STEPS)
    return pipeline.generate(request, lambda *_: None)


def _seconds(painting: "Painting") -> float:
    return painting.text_seconds + painting.denoise_seconds + painting.decode_seconds


if __name__ == "__main__":
    run("device", __doc__, measure)
