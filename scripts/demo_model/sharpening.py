"""Training the decoder to draw crisp pictures from coarse latents."""

import logging
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch import Tensor
from torch.nn import functional

from .latents import BLOCK, latents_of
from .paint import paint
from .pictures import Pair, Size

logger = logging.getLogger(__name__)

FIRST_SEED = 9_000_000
SIZES: Sequence[tuple[Size, int]] = (
    ((256, 256), 700),
    ((384, 384), 350),
    ((512, 512), 500),
    ((768, 768), 120),
)
NOISE = 0.15
"""The strongest noise that the decoder learns to overlook."""
SAVE_EVERY = 100


@dataclass(frozen=True)
class Sharpening:
    """How long and how fast the decoder learns, and from which latents."""

    name: str
    steps: int
    rate: float
    batch: int = 12
    crop: int = 16
    """Side of what it sees at a time, in latent pixels."""


FROM_PICTURES = Sharpening("decoder", steps=1000, rate=3e-3)
FROM_REHEARSAL = Sharpening("decoder after the U-Net", steps=500, rate=6e-4, batch=6, crop=24)


def draw_pairs() -> list[Pair]:
    """Draw pictures of several sizes with their true latents."""
    wanted = [size for size, count in SIZES for _ in range(count)]
    with ProcessPoolExecutor() as pool:
        drawn = pool.map(_draw, range(FIRST_SEED, FIRST_SEED + len(wanted)), wanted, chunksize=20)
        return [
            Pair(torch.from_numpy(latents), torch.from_numpy(picture)) for latents, picture in drawn
        ]


def sharpen(
    autoencoder: AutoencoderTiny, pairs: Sequence[Pair], plan: Sharpening, work: Path
) -> None:
    """Train the decoder, or take it from its checkpoint if this was done before."""
    checkpoint = work / f"{plan.name.replace(' ', '-').lower()}.pt"
    if checkpoint.exists():
        autoencoder.decoder.load_state_dict(torch.load(checkpoint, weights_only=True))
        return
    random = np.random.default_rng(0)
    optimizer = torch.optim.AdamW(autoencoder.decoder.parameters(), weight_decay=0.0)
    losses: list[float] = []
    for step in range(plan.steps):
        rise, fall = min(1.0, (step + 1) / 50), (1.02 + cos(pi * step / plan.steps)) / 2.02
        optimizer.param_groups[0]["lr"] = plan.rate * rise * fall
        losses.append(_learn(autoencoder, optimizer, _crops(pairs, plan, random)))
        if step % SAVE_EVERY == SAVE_EVERY - 1:
            logger.info(
                "%s: step %d, loss %.4f", plan.name, step + 1, np.mean(losses[-SAVE_EVERY:])
            )
    torch.save(autoencoder.decoder.state_dict(), checkpoint)


def _learn(autoencoder: AutoencoderTiny, optimizer: torch.optim.Optimizer, batch: Pair) -> float:
    strength = torch.rand(len(batch.latents), 1, 1, 1) * NOISE
    noisy = batch.latents + strength * torch.randn_like(batch.latents)
    loss = _distance(autoencoder.decode(noisy).sample, batch.picture)
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(autoencoder.decoder.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.item()


def _distance(made: Tensor, true: Tensor) -> Tensor:
    """Compare colours and edges; both pictures from -1 to 1."""
    loss = functional.l1_loss(made, true)
    for axis in (-1, -2):
        loss = loss + functional.l1_loss(made.diff(dim=axis), true.diff(dim=axis))
    return loss


def _crops(pairs: Sequence[Pair], plan: Sharpening, random: np.random.Generator) -> Pair:
    latents, pictures, crop = [], [], plan.crop
    for index in random.integers(len(pairs), size=plan.batch):
        pair = pairs[index]
        top, left = (int(random.integers(side - crop + 1)) for side in pair.latents.shape[1:])
        latents.append(pair.latents[:, top : top + crop, left : left + crop])
        rows = slice(top * BLOCK, (top + crop) * BLOCK)
        columns = slice(left * BLOCK, (left + crop) * BLOCK)
        pictures.append(pair.picture[:, rows, columns])
    return Pair(torch.stack(latents), torch.stack(pictures) / 127.5 - 1.0)


def _draw(seed: int, size: Size) -> tuple[np.ndarray, np.ndarray]:
    image = paint(seed, *size)[0].reduced()
    return latents_of(image), np.asarray(image).transpose(2, 0, 1).copy()
