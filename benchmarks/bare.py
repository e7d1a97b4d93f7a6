"""Stable Diffusion as anyone calls it with diffusers alone: what the service is compared with."""

import os
from typing import TYPE_CHECKING, Any

from worker.model_source import BUNDLED, STABLE_DIFFUSION_1_5

if TYPE_CHECKING:
    from PIL.Image import Image

PROMPT = "a red apple on a white table"
SIZE = 512
STEPS = 28
GUIDANCE = 7.0


def device_wanted() -> str:
    """Give the device of DEVICE, which the service under measurement uses too."""
    return os.environ.get("DEVICE", "cpu")


def model_wanted() -> str:
    """Give a hub id or a folder: that of MODEL_ID, which the service uses too."""
    wanted = os.environ.get("MODEL_ID", "auto")
    if wanted != "auto":
        return wanted
    return STABLE_DIFFUSION_1_5 if device_wanted() == "cuda" else str(BUNDLED)


class Bare:
    """The model with a sampler that is set once, and nothing around it."""

    def __init__(self) -> None:
        """Load it to its device."""
        # Here, because the programs that only send requests do not need torch.
        import torch  # noqa: PLC0415
        from diffusers import (  # noqa: PLC0415
            DPMSolverMultistepScheduler,
            StableDiffusionPipeline,
        )

        dtype = torch.float16 if device_wanted() == "cuda" else torch.float32
        pipeline = StableDiffusionPipeline.from_pretrained(
            model_wanted(), dtype=dtype, safety_checker=None, requires_safety_checker=False
        )
        pipeline.scheduler = DPMSolverMultistepScheduler.from_config(
            pipeline.scheduler.config, algorithm_type="dpmsolver++", use_karras_sigmas=True
        )
        pipeline.set_progress_bar_config(disable=True)
        self._pipeline: Any = pipeline.to(device_wanted())
        self._seeded = torch.Generator("cpu").manual_seed

    def paint(
        self,
        *,
        prompt: str = PROMPT,
        steps: int = STEPS,
        width: int = SIZE,
        height: int = SIZE,
        seed: int = 0,
    ) -> "Image":
        """Paint one picture."""
        image: Image = self._pipeline(
            prompt,
            num_inference_steps=steps,
            guidance_scale=GUIDANCE,
            width=width,
            height=height,
            generator=self._seeded(seed),
        ).images[0]
        return image
