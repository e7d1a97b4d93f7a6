"""Paints some pictures in one way, in a process of its own; they go to a folder as PNGs."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers import StableDiffusionPipeline

from benchmarks.bare import GUIDANCE, PROMPT, STEPS, device_wanted, model_wanted
from benchmarks.variations import Variation, dtype_of, variations
from shared.generation import Scheduler
from worker.numerics import fix_kernels
from worker.schedulers import build_scheduler

if TYPE_CHECKING:
    from PIL.Image import Image


def main(name: str, folder: str, count: str, size: str) -> None:
    """Paint as many pictures of a size, with the seeds from 0."""
    variation = variations(device_wanted())[name]
    fix_kernels()
    pipeline = _load(variation)
    variation.change(pipeline)
    seeds = list(range(int(count)))
    groups = [seeds] if variation.is_batch else [[seed] for seed in seeds]
    images = [image for group in groups for image in _paint(pipeline, group, int(size))]
    for seed, image in zip(seeds, images, strict=True):
        image.save(Path(folder) / f"{seed}.png")


def _load(variation: Variation) -> Any:
    device = variation.device or device_wanted()
    pipeline = StableDiffusionPipeline.from_pretrained(
        model_wanted(),
        dtype=getattr(torch, variation.dtype or dtype_of(device)),
        safety_checker=None,
        requires_safety_checker=False,
    )
    config = dict(pipeline.scheduler.config)
    pipeline.scheduler = build_scheduler(Scheduler.DPM_SOLVER_PP, config, use_karras_sigmas=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def _paint(pipeline: Any, seeds: list[int], size: int) -> list["Image"]:
    images: list[Image] = pipeline(
        [PROMPT] * len(seeds),
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        height=size,
        width=size,
        # On the CPU, as the worker's.
        generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds],
    ).images
    return images


if __name__ == "__main__":
    main(*sys.argv[1:])
