"""Latents to a picture."""

from typing import Any

import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

from shared.job_parts import FailureType
from shared.log import get_logger
from worker.metrics import Again, OnAgain
from worker.painting import PaintingFailed

_log = get_logger(__name__)


def decode(
    pipeline: StableDiffusionPipeline, latents: torch.Tensor, on_again: OnAgain
) -> Image.Image:
    """Give the picture of the latents; where numbers overflow, from float32.

    Raises:
        PaintingFailed: The model gave no finite picture.
    """
    vae = pipeline.vae
    decoded = _decode_with(vae, latents)
    if not torch.isfinite(decoded).all():
        _log.warning("the picture is not finite, decoding again in float32")
        on_again(Again.NOT_FINITE)
        decoded = _decode_in_float32(vae, latents)
    if not torch.isfinite(decoded).all():
        detail = "The model gave a picture with numbers that are not finite."
        raise PaintingFailed(FailureType.NAN_OUTPUT, detail)
    images: list[Image.Image] = pipeline.image_processor.postprocess(decoded, output_type="pil")
    return images[0]


def _decode_in_float32(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    # To float32 and back changes no weight, so the next picture is as if nothing had been.
    dtype = vae.dtype
    vae.to(torch.float32)
    try:
        return _decode_with(vae, latents.float())
    finally:
        vae.to(dtype)


def _decode_with(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    decoded: torch.Tensor = vae.decode(latents / vae.config.scaling_factor, return_dict=False)[0]
    return decoded
