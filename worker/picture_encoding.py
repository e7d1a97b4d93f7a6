"""The picture on a canvas to latents."""

from typing import Any

import torch
from diffusers import StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_img2img import retrieve_latents

from worker.canvas import Canvas


def encode_picture(
    pipeline: StableDiffusionPipeline, canvas: Canvas, generator: torch.Generator
) -> torch.Tensor | None:
    """Give the latents of the canvas's picture, drawn with the generator; None without one."""
    if canvas.image is None:
        return None
    vae: Any = pipeline.vae
    pixels = pipeline.image_processor.preprocess(canvas.image).to(vae.device, vae.dtype)
    latents: torch.Tensor = retrieve_latents(vae.encode(pixels), generator=generator)
    scaled: torch.Tensor = latents * vae.config.scaling_factor
    return scaled
