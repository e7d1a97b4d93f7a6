"""Latents as the pipeline will make them, next to the pictures they should become."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler
from torch import Tensor

from .denoiser import SCHEDULE, Denoiser
from .description import plain_caption
from .latents import latents_of
from .paint import paint
from .pictures import Pair, Size

FIRST_SEED = 9_500_000
SIZES: Sequence[tuple[Size, int]] = (((256, 256), 480), ((512, 512), 160))
BATCH = 8
STEPS = 12
STARTS = (2, 8)
"""The first and the last step, exclusive, at which the true latents' way is taken up."""
GUIDANCES = (3.0, 5.0, 7.0, 7.0, 9.0)


def rehearse(denoiser: Denoiser) -> list[Pair]:
    """Let the U-Net draw known pictures from much noise, with guidance."""
    random = np.random.default_rng(FIRST_SEED)
    seed = FIRST_SEED
    pairs: list[Pair] = []
    for size, count in SIZES:
        for start in range(seed, seed + count, BATCH):
            pairs.extend(_rehearse_batch(denoiser, range(start, start + BATCH), size, random))
        seed += count
    return pairs


def sampler_settings() -> dict[str, object]:
    """Give the settings of the pipeline's own sampler."""
    settings = {name: value for name, value in SCHEDULE.items() if name != "clip_sample"}
    return {**settings, "algorithm_type": "dpmsolver++", "use_karras_sigmas": True}


def _rehearse_batch(
    denoiser: Denoiser, seeds: range, size: Size, random: np.random.Generator
) -> Iterator[Pair]:
    painted = [paint(seed, *size) for seed in seeds]
    images = [canvas.reduced() for canvas, _ in painted]
    clean = torch.from_numpy(np.stack([latents_of(image) for image in images]))
    captions = [plain_caption(facts) for _, facts in painted]
    start, guidance = int(random.integers(*STARTS)), float(random.choice(GUIDANCES))
    for latents, image in zip(
        _redraw(denoiser, clean, captions, start=start, guidance=guidance), images, strict=True
    ):
        yield Pair(latents, torch.from_numpy(np.asarray(image).transpose(2, 0, 1).copy()))


@torch.no_grad()
def _redraw(
    denoiser: Denoiser, clean: Tensor, captions: Sequence[str], *, start: int, guidance: float
) -> Tensor:
    """Bury latents in the noise of one step and let the sampler find them again."""
    sampler = DPMSolverMultistepScheduler(**sampler_settings())
    sampler.set_timesteps(STEPS)
    sampler.set_begin_index(start)
    times = sampler.timesteps[start:]
    latents: Tensor = sampler.add_noise(
        clean, torch.randn_like(clean), times[:1].repeat(len(clean))
    )
    for time in times:
        both = torch.cat([latents, latents])
        empty = [""] * len(captions)
        velocity = denoiser.velocity(both, time.repeat(len(both)), [*captions, *empty])
        asked, plain = velocity.chunk(2)
        latents = sampler.step(plain + guidance * (asked - plain), time, latents).prev_sample
    return latents
