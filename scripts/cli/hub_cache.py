"""The hub's cache on this disk, looked at without the hub's library."""

import os
from pathlib import Path


def has_model(hub_id: str) -> bool:
    """Say whether a model has been downloaded."""
    folder = _cache() / f"models--{hub_id.replace('/', '--')}" / "snapshots"
    return any(folder.glob("*/model_index.json"))


def _cache() -> Path:
    if given := os.environ.get("HF_HUB_CACHE"):
        return Path(given).expanduser()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    return Path(os.environ.get("HF_HOME") or caches / "huggingface").expanduser() / "hub"
