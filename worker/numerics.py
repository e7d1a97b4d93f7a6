"""What decides how the same numbers are rounded: kept the same where it can be, told where not."""

from collections.abc import Mapping

import diffusers
import numpy as np
import PIL
import torch
import transformers

_SWITCHES = (
    "ATEN_CPU_CAPABILITY",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "ONEDNN_MAX_CPU_ISA",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "NVIDIA_TF32_OVERRIDE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "CUBLAS_WORKSPACE_CONFIG",
)
"""Read by torch and its libraries."""


def fix_kernels() -> None:
    """Have cuDNN choose its kernels by what is computed, and not by what was quick just now.

    Else two workers, or one before and after a restart, may choose differently.
    """
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


def switches(environment: Mapping[str, str]) -> dict[str, str]:
    """Give those variables that change how numbers are computed, and that are set."""
    return {name: environment[name] for name in _SWITCHES if name in environment}


def versions(device: str) -> dict[str, str]:
    """Give the versions of what computes a picture, and of what writes its file."""
    found = {
        "torch": str(torch.__version__),
        "diffusers": diffusers.__version__,
        "transformers": transformers.__version__,
        "numpy": np.__version__,
        "pillow": PIL.__version__,
    }
    if device == "cuda":
        found["cudnn"] = str(torch.backends.cudnn.version())  # type: ignore[no-untyped-call]
    return found
