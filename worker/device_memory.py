"""How much of the GPU's memory is in use."""

import torch


def cuda_memory() -> dict[str, int]:
    """Give the bytes by kind; nothing where the device does not answer any more."""
    try:
        free, total = torch.cuda.mem_get_info()
        return {
            "total": total,
            "free": free,
            "reserved": torch.cuda.memory_reserved(),
            "allocated": torch.cuda.memory_allocated(),
            "peak": torch.cuda.max_memory_allocated(),
        }
    except RuntimeError:
        return {}
