"""Reading a model's weights: from the hub, a folder, or one file."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, StableDiffusionPipeline
from huggingface_hub import snapshot_download

from shared.log import get_logger
from worker.model_source import ModelSource
from worker.single_file import FAMILIES, Autoencoder, NotACheckpoint, load_file

_log = get_logger(__name__)

_WITHOUT_SAFETY_CHECKER: dict[str, Any] = {
    "safety_checker": None,
    "feature_extractor": None,
    "requires_safety_checker": False,
}
_AUTOENCODERS = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}
_CHANNELS = 4


def load_weights(
    source: ModelSource, dtype: torch.dtype, *, local_only: bool, vae: Autoencoder | None = None
) -> tuple[StableDiffusionPipeline, str]:
    """Give a model on the CPU, and its revision; `vae` takes the place of its own.

    Raises whatever the loaders do for a broken or missing file.
    """
    if source.path is None:
        folder = _download(source.name, dtype, local_only=local_only)
        return _load_folder(folder, dtype, vae), folder.name
    if source.path.is_dir():
        return _load_folder(source.path, dtype, vae), fingerprint(source.path)
    return load_file(source.path, dtype, vae=vae), fingerprint(source.path)


def load_vae(
    source: ModelSource, dtype: torch.dtype, *, local_only: bool
) -> tuple[Autoencoder, str]:
    """Give an autoencoder on the CPU, and its revision."""
    if source.path is None:
        patterns = ["*.json", "*.safetensors", "vae/*"]
        folder = Path(
            snapshot_download(
                source.name,
                allow_patterns=patterns,
                ignore_patterns=["*/*.bin"],
                local_files_only=local_only,
            )
        )
        return _load_vae_folder(folder, dtype), folder.name
    if source.path.is_dir():
        return _load_vae_folder(source.path, dtype), fingerprint(source.path)
    config = next(
        iter(FAMILIES.values())
    ).configs  # The autoencoders of SD 1.x and 2.x have the same shape.
    vae = AutoencoderKL.from_single_file(
        str(source.path), config=str(config), subfolder="vae", dtype=dtype, local_files_only=True
    )
    return vae, fingerprint(source.path)


def fingerprint(model: Path) -> str:
    """Give `sha256:…` over the weights, so that two builds of a local model can be told apart."""
    files = [model] if model.is_file() else sorted(model.rglob("*.safetensors"))
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as weights:
            digest.update(hashlib.file_digest(weights, "sha256").digest())
    return f"sha256:{digest.hexdigest()[:16]}"


def _download(hub_id: str, dtype: torch.dtype, *, local_only: bool) -> Path:
    options = {"use_safetensors": True, "local_files_only": local_only, **_WITHOUT_SAFETY_CHECKER}
    if dtype is torch.float16:
        try:
            return Path(StableDiffusionPipeline.download(hub_id, variant="fp16", **options))
        except (OSError, ValueError):
            _log.info("no fp16 variant on the hub, taking the full weights", model_id=hub_id)
    return Path(StableDiffusionPipeline.download(hub_id, **options))


def _load_folder(
    folder: Path, dtype: torch.dtype, vae: Autoencoder | None
) -> StableDiffusionPipeline:
    _check_kind(folder)
    variant = "fp16" if any(folder.glob("unet/*.fp16.safetensors")) else None
    given: dict[str, Autoencoder] = {} if vae is None else {"vae": vae}
    pipeline: StableDiffusionPipeline = StableDiffusionPipeline.from_pretrained(
        folder,
        dtype=dtype,
        variant=variant,
        use_safetensors=True,
        **given,
        **_WITHOUT_SAFETY_CHECKER,
    )
    return pipeline


def _check_kind(folder: Path) -> None:
    """Refuse what would load and then not paint, such as models for inpainting or SDXL."""
    index = json.loads((folder / "model_index.json").read_text())
    kind = index.get("_class_name", "")
    if "XL" in kind or not kind.startswith("StableDiffusion"):
        message = f"a model of {kind}, and not of SD 1.x or 2.x"
        raise NotACheckpoint(message)
    channels = json.loads((folder / "unet" / "config.json").read_text())["in_channels"]
    if channels != _CHANNELS:
        message = f"its U-Net takes {channels} channels, so it is not a text-to-image model"
        raise NotACheckpoint(message)


def _load_vae_folder(folder: Path, dtype: torch.dtype) -> Autoencoder:
    folder = folder / "vae" if (folder / "vae" / "config.json").is_file() else folder
    kind = json.loads((folder / "config.json").read_text())["_class_name"]
    if kind not in _AUTOENCODERS:
        message = f"{kind} is no autoencoder of SD 1.x or 2.x"
        raise NotACheckpoint(message)
    vae: Autoencoder = _AUTOENCODERS[kind].from_pretrained(
        folder, dtype=dtype, use_safetensors=True
    )
    return vae
