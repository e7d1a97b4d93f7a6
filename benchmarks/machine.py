"""What a run was measured on, as far as it explains the figures."""

import os
import platform
from importlib.metadata import version

import psutil

from benchmarks.bare import device_wanted, model_wanted

_PACKAGES = ("torch", "diffusers", "fastapi", "celery", "redis")


def describe_machine() -> dict[str, str]:
    """Say what was there, in words."""
    return {
        "cores": str(len(os.sched_getaffinity(0)) if _is_linux() else os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "device": device_wanted(),
        "model": model_wanted().rpartition("/")[2],
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }


def _is_linux() -> bool:
    return platform.system() == "Linux"
