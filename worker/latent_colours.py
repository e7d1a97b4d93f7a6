"""Small pictures of where a painting stands, by one multiplication instead of the decoder.

An autoencoder's latents are nearly a linear function of the colours that they stand for, so a 4x3
matrix and a bias give an eighth of the picture's size at almost no cost.
"""

import json
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from pydantic import BaseModel, ConfigDict

FACTORS_FILE = "latent_rgb.json"


class LatentColours(BaseModel):
    """How the latents of a model family become red, green and blue, each -1 to 1."""

    model_config = ConfigDict(frozen=True)

    factors: tuple[tuple[float, float, float], ...]
    bias: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @torch.inference_mode()
    def image(self, latents: torch.Tensor) -> Image.Image:
        """Give the picture of scaled latents (1, 4, h, w), as the denoiser sees them."""
        factors = torch.tensor(self.factors, device=latents.device, dtype=latents.dtype)
        bias = torch.tensor(self.bias, device=latents.device, dtype=latents.dtype)
        colours = torch.einsum("chw,cr->hwr", latents[0], factors) + bias
        pixels = ((colours.clamp(-1, 1) + 1) * 127.5).to(torch.uint8)
        return Image.fromarray(pixels.cpu().numpy())


STABLE_DIFFUSION_1 = LatentColours(
    factors=(
        (0.3512, 0.2297, 0.3227),
        (0.3250, 0.4974, 0.2350),
        (-0.2829, 0.1762, 0.2721),
        (-0.2120, -0.2616, -0.7177),
    )
)
"""A linear fit for the autoencoder that SD 1.x and 2.x share, as in ComfyUI's latent_formats.py."""


def colours_of(model: Path | None) -> LatentColours:
    """Give what a local model says of its own latents, else the family's."""
    own = model / FACTORS_FILE if model is not None else None
    if own is not None and own.is_file():
        return LatentColours.model_validate(json.loads(own.read_text()))
    return STABLE_DIFFUSION_1


def foreseen_latents(scheduler: Any, latents: torch.Tensor) -> torch.Tensor:
    """Give what the sampler takes the finished latents to be, from where it stands.

    DPM-Solver++ and UniPC keep their prediction; DDIM and LCM keep latents at the size that they
    have in the end; for the others the noise is scaled down to that size.
    """
    predictions = getattr(scheduler, "model_outputs", None)
    if predictions and predictions[-1] is not None:
        prediction: torch.Tensor = predictions[-1]
        return prediction
    sigmas = getattr(scheduler, "sigmas", None)
    if sigmas is None:
        return latents
    sigma = float(sigmas[scheduler.step_index])
    scaled: torch.Tensor = latents / (1 + sigma**2) ** 0.5
    return scaled
