"""Ways to compute the same picture that may round otherwise."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

_OTHER_THREADS = "2" if torch.get_num_threads() == 1 else "1"

Change = Callable[[Any], object]
"""Is given the pipeline, before it paints."""


@dataclass(frozen=True)
class Variation:
    """One way; what it leaves out is as the worker has it."""

    dtype: str = ""
    device: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    change: Change = lambda _: None
    is_batch: bool = False
    """All pictures are painted at once, each from a generator of its own."""


def dtype_of(device: str) -> str:
    """Give what the worker takes where nothing is set."""
    return "float16" if device == "cuda" else "float32"


def variations(device: str) -> dict[str, Variation]:
    """Give those that a device has, by what they are called."""
    dtypes = [name for name in ("float32", "bfloat16", "float16") if name != dtype_of(device)]
    own = _ON_CUDA if device == "cuda" else _ON_A_CPU
    return {**_ANYWHERE, **{name: Variation(dtype=name) for name in dtypes}, **own}


def _channels_last(pipeline: Any) -> None:
    for module in (pipeline.unet, pipeline.vae):
        module.to(memory_format=torch.channels_last)


def _compile(pipeline: Any) -> None:
    pipeline.unet = torch.compile(pipeline.unet)


def _tile(pipeline: Any) -> None:
    pipeline.vae.enable_tiling()
    # Of its own accord a model takes a small picture for one tile.
    pipeline.vae.tile_sample_min_size = 128
    pipeline.vae.tile_latent_min_size = 16


def _choose_by_time(_: Any) -> None:
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.deterministic = False


def _multiply_in_tf32(_: Any) -> None:
    torch.set_float32_matmul_precision("high")


def _attend_step_by_step(_: Any) -> None:
    torch.backends.cuda.enable_flash_sdp(enabled=False)
    torch.backends.cuda.enable_mem_efficient_sdp(enabled=False)
    torch.backends.cuda.enable_cudnn_sdp(enabled=False)


_ANYWHERE = {
    "the same, in another process": Variation(),
    "a batch of two, with a generator each": Variation(is_batch=True),
    "channels-last": Variation(change=_channels_last),
    "fused query, key and value": Variation(change=lambda one: one.unet.fuse_qkv_projections()),
    "attention slicing": Variation(change=lambda one: one.enable_attention_slicing(1)),
    "VAE tiling": Variation(change=_tile),
}
_ON_A_CPU = {
    "another number of threads": Variation(environment={"OMP_NUM_THREADS": _OTHER_THREADS}),
    "ATEN_CPU_CAPABILITY=avx2": Variation(environment={"ATEN_CPU_CAPABILITY": "avx2"}),
    "ATEN_CPU_CAPABILITY=default": Variation(environment={"ATEN_CPU_CAPABILITY": "default"}),
    "ONEDNN_MAX_CPU_ISA=AVX2": Variation(environment={"ONEDNN_MAX_CPU_ISA": "AVX2"}),
    "ONEDNN_DEFAULT_FPMATH_MODE=BF16": Variation(
        environment={"ONEDNN_DEFAULT_FPMATH_MODE": "BF16"}
    ),
    "MKL_CBWR=COMPATIBLE": Variation(environment={"MKL_CBWR": "COMPATIBLE"}),
}
_ON_CUDA = {
    "the CPU, in float32": Variation(device="cpu", dtype="float32"),
    "float32 with TF32": Variation(dtype="float32", change=_multiply_in_tf32),
    "cuDNN that chooses by time": Variation(change=_choose_by_time),
    "attention step by step": Variation(change=_attend_step_by_step),
    "torch.compile of the U-Net": Variation(change=_compile),  # On a CPU it takes minutes.
}
