"""Noise to latents, guided by the text: from nothing, from a picture, or in a part of one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import (
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
)
from PIL import Image

from shared.generation import GenerationRequest
from worker.canvas import Canvas
from worker.following import PictureOf
from worker.latent_colours import LatentColours, foreseen_latents
from worker.text_encoding import EncodedText

OnSteps = Callable[[int, PictureOf], None]
"""Follows the steps of all pictures."""


@dataclass(frozen=True)
class Start:
    """What the latents are made from."""

    canvas: Canvas
    latents: torch.Tensor | None
    """Of the canvas's picture."""

    generators: Sequence[torch.Generator]
    """Of each picture its own, on the CPU, so that no noise depends on the GPU."""


def denoise(
    pipeline: StableDiffusionPipeline,
    request: GenerationRequest,
    texts: Sequence[EncodedText],
    start: Start,
    *,
    colours: LatentColours,
    on_step: OnSteps,
) -> torch.Tensor:
    """Run all sampler steps, of one picture for each text; what `on_step` raises ends them.

    Of the request counts what is the same for all of them.
    """
    kind, arguments = _WAYS[start.canvas.image is not None, start.canvas.mask is not None]
    way = kind(**pipeline.components, requires_safety_checker=False)
    way.set_progress_bar_config(disable=True)
    latents: torch.Tensor = way(
        prompt_embeds=torch.cat([text.prompt for text in texts]),
        negative_prompt_embeds=_negative(texts),
        num_inference_steps=request.num_inference_steps,
        guidance_scale=request.guidance_scale,
        generator=list(start.generators),
        output_type="latent",
        callback_on_step_end=_step_callback(colours, on_step),
        **arguments(request, start),
    ).images
    return latents


def _of_noise(request: GenerationRequest, _: Start) -> dict[str, Any]:
    return {"height": request.height, "width": request.width}


def _of_picture(request: GenerationRequest, start: Start) -> dict[str, Any]:
    return {"image": start.latents, "strength": _strength(request)}


def _in_part(request: GenerationRequest, start: Start) -> dict[str, Any]:
    return {
        **_of_noise(request, start),
        **_of_picture(request, start),
        "mask_image": start.canvas.touched,
        "masked_image_latents": start.latents,  # Else it encodes once more, for other U-Nets.
    }


def _strength(request: GenerationRequest) -> float:
    """Give the strength from which diffusers computes the very steps that the request has."""
    if request.steps_run == request.num_inference_steps:
        return 1.0
    return (request.steps_run + 0.5) / request.num_inference_steps


_WAYS: dict[tuple[bool, bool], tuple[Any, Callable[[GenerationRequest, Start], dict[str, Any]]]] = {
    (False, False): (StableDiffusionPipeline, _of_noise),
    (True, False): (StableDiffusionImg2ImgPipeline, _of_picture),
    (True, True): (StableDiffusionInpaintPipeline, _in_part),
}
"""By whether there is a picture, and a mask."""


def _negative(texts: Sequence[EncodedText]) -> torch.Tensor | None:
    guided = [text.negative for text in texts if text.negative is not None]
    return torch.cat(guided) if guided else None


def _step_callback(colours: LatentColours, on_step: OnSteps) -> Callable[..., dict[str, Any]]:
    def callback(
        pipeline: StableDiffusionPipeline, run: int, _timestep: int, kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        step = _step_ended_by(run + 1, pipeline)
        if step is not None:
            latents = kwargs["latents"]

            def picture_of(lane: int) -> Image.Image:
                foreseen = foreseen_latents(pipeline.scheduler, latents)
                return colours.image(foreseen[lane : lane + 1])

            on_step(step, picture_of)
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
