"""Where a model runs, and with how many bits."""

import torch

from worker.model_source import ModelUnavailable


def choose_device(wanted: str) -> str:
    """Give the device to use.

    Raises:
        ModelUnavailable: The wanted one is not there.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    available = [device for device, is_there in there.items() if is_there]
    if wanted == "auto":
        return available[0]
    if wanted not in available:
        choices = ", ".join(["auto", *available])
        message = f"DEVICE={wanted}: torch finds no such device; set DEVICE to one of {choices}"
        raise ModelUnavailable(message)
    return wanted


def choose_dtype(wanted: str, device: str) -> torch.dtype:
    """Give the dtype of weights and activations."""
    if wanted == "auto":
        return torch.float16 if device == "cuda" else torch.float32
    dtype: torch.dtype = getattr(torch, wanted)
    return dtype


def is_channels_last(wanted: str, device: str, dtype: torch.dtype) -> bool:
    """Say whether to lay pictures out in memory as a GPU's tensor cores like them."""
    if wanted == "auto":
        return device == "cuda" and dtype is not torch.float32
    return wanted == "on"
