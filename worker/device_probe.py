"""Whether torch finds CUDA, asked without torch in this process."""

import subprocess
import sys

_ASK = "import sys, torch; sys.exit(not torch.cuda.is_available())"


def finds_cuda(device: str) -> bool:
    """Say whether `DEVICE` comes to CUDA; for `auto` a process of its own looks."""
    if device != "auto":
        return device == "cuda"
    asked = subprocess.run([sys.executable, "-c", _ASK], check=False)  # noqa: S603  # Our words.
    return asked.returncode == 0
