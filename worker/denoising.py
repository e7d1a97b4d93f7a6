"""Noise to latents, guided by the text."""

from collections.abc import Callable
from typing import Any

import torch
from diffusers import StableDiffusionPipeline

from shared.generation import GenerationRequest
from worker.latent_colours import LatentColours, foreseen_latents
from worker.runner import OnStep
from worker.text_encoding import EncodedText


def denoise(
    pipeline: StableDiffusionPipeline,
    request: GenerationRequest,
    text: EncodedText,
    *,
    colours: LatentColours,
    on_step: OnStep,
) -> torch.Tensor:
    """Run all sampler steps; what `on_step` raises ends them."""
    latents: torch.Tensor = pipeline(
        prompt_embeds=text.prompt,
        negative_prompt_embeds=text.negative,
        num_inference_steps=request.num_inference_steps,
        guidance_scale=request.guidance_scale,
        height=request.height,
        width=request.width,
        # On the CPU, so that the starting noise does not depend on the GPU.
        generator=torch.Generator("cpu").manual_seed(request.seed or 0),
        output_type="latent",
        callback_on_step_end=_step_callback(colours, on_step),
    ).images
    return latents


def _step_callback(colours: LatentColours, on_step: OnStep) -> Callable[..., dict[str, Any]]:
    def callback(
        pipeline: StableDiffusionPipeline, run: int, _timestep: int, kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        step = _step_ended_by(run + 1, pipeline)
        if step is not None:
            latents = kwargs["latents"]
            on_step(step, lambda: colours.image(foreseen_latents(pipeline.scheduler, latents)))
        return kwargs

    return callback


def _step_ended_by(runs: int, pipeline: StableDiffusionPipeline) -> int | None:
    """Give the step that so many runs of the model have ended; None amidst one.

    A scheduler of second order takes two runs for a step, and one for the last.
    """
    order: int = pipeline.scheduler.order
    if runs % order and runs != pipeline.num_timesteps:
        return None
    return -(-runs // order)
