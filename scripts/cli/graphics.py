"""What this machine can paint on: asked of the driver, and of torch in a process of its own."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

_CARD = ("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
_DEVICES = """\
import torch
print(*["cuda"] * torch.cuda.is_available(), *["mps"] * torch.backends.mps.is_available())
"""
_CARD_SECONDS = 10
_TORCH_SECONDS = 60


@dataclass(frozen=True)
class Graphics:
    """The card that the driver tells of, and the devices that torch finds beside the CPU."""

    card: str = ""
    devices: tuple[str, ...] = ()
    has_torch: bool = False


def look_at_graphics(device: str) -> Graphics:
    """Look, where the setting DEVICE lets it matter: torch takes some seconds to load."""
    if device == "cpu":
        return Graphics()
    has_torch = find_spec("torch") is not None
    devices = _told_by([sys.executable, "-c", _DEVICES], _TORCH_SECONDS) if has_torch else ""
    card = _told_by(_CARD, _CARD_SECONDS).replace("\n", "; ")
    return Graphics(card, tuple(devices.split()), has_torch)


def _told_by(command: Sequence[str], limit_seconds: float) -> str:
    try:
        done = subprocess.run(  # noqa: S603  # Our own interpreter, and the driver's program.
            command, capture_output=True, text=True, timeout=limit_seconds, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
