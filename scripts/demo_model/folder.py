"""Writing and loading the model's folder."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny, DPMSolverMultistepScheduler, StableDiffusionPipeline

from .check import Draw
from .colour_names import Pixels
from .denoiser import Denoiser
from .latents import COLOUR_MEAN, COLOUR_SCALE
from .rehearsal import sampler_settings


@dataclass(frozen=True)
class Preview:
    """How to guess a picture from latents without the decoder."""

    factors: list[list[float]]
    """What one unit of each latent channel adds to red, green and blue (-1 to 1)."""
    bias: list[float]


def preview() -> Preview:
    """Give the exact block colours: the encoder's averages, undone."""
    gain = 2.0 * COLOUR_SCALE
    rows = [[gain if colour == channel else 0.0 for colour in range(3)] for channel in range(4)]
    return Preview(rows, [2.0 * COLOUR_MEAN - 1.0] * 3)


def write_folder(denoiser: Denoiser, autoencoder: AutoencoderTiny, folder: Path) -> None:
    """Write the pipeline in half precision, its tokenizer in both formats, and the preview."""
    denoiser.tokenizer.backend_tokenizer.no_padding()  # The caller says how to pad.
    denoiser.tokenizer.backend_tokenizer.no_truncation()
    pipeline = StableDiffusionPipeline(
        vae=autoencoder,
        text_encoder=denoiser.text_encoder,
        tokenizer=denoiser.tokenizer,
        unet=denoiser.unet,
        scheduler=DPMSolverMultistepScheduler(**sampler_settings()),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.to(dtype=torch.float16)
    pipeline.save_pretrained(folder, safe_serialization=True)
    pipeline.to(dtype=torch.float32)
    denoiser.tokenizer.backend_tokenizer.model.save(str(folder / "tokenizer"))
    guess = {"factors": preview().factors, "bias": preview().bias}
    (folder / "latent_rgb.json").write_text(json.dumps(guess, indent=2) + "\n")


def load_pipeline(folder: Path) -> StableDiffusionPipeline:
    """Load the folder the way the service does, in single precision."""
    pipeline = StableDiffusionPipeline.from_pretrained(
        folder, dtype=torch.float32, safety_checker=None, requires_safety_checker=False
    )
    pipeline.scheduler = DPMSolverMultistepScheduler.from_config(
        pipeline.scheduler.config,
        algorithm_type="dpmsolver++",
        solver_order=2,
        use_karras_sigmas=True,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def draw_with(
    pipeline: StableDiffusionPipeline,
    *,
    size: int,
    steps: int,
    guidance: float,
    negative: str = "",
) -> Draw:
    """Give a function that draws square pictures with these settings."""

    def draw(caption: str, seed: int) -> Pixels:
        made = pipeline(
            caption,
            negative_prompt=negative,
            width=size,
            height=size,
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=torch.Generator().manual_seed(seed),
        )
        return np.asarray(made.images[0])

    return draw
