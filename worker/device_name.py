"""What the hardware that paints calls itself."""

import platform
import re
from pathlib import Path

import torch

_CPU_INFO = Path("/proc/cpuinfo")
_MODEL_NAME = re.compile(r"^model name\s*:\s*(.+)$", re.MULTILINE)


def device_name(device: str) -> str:
    """Name the device; a CPU with the instructions that torch uses on it: others round otherwise.

    The instructions count for the pixels, and can be chosen by `ATEN_CPU_CAPABILITY`.
    """
    if device == "cuda":
        return torch.cuda.get_device_name()
    if device == "cpu":
        return f"{cpu_name(_CPU_INFO)} ({torch.backends.cpu.get_cpu_capability()})"
    return device


def cpu_name(cpu_info: Path) -> str:
    """Give the name that the system knows the processor by."""
    try:
        named = _MODEL_NAME.search(cpu_info.read_text())
    except OSError:
        named = None
    return named[1].strip() if named else platform.processor() or platform.machine()
