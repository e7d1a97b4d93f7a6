"""Training pictures as latents, drawn by all cores in seconds instead of stored."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .description import Description
from .latents import latents_of
from .paint import paint

Size = tuple[int, int]
"""Width and height in pixels."""

CHUNK = 250


@dataclass(frozen=True)
class Bucket:
    """Pictures of one size."""

    latents: Tensor
    """Shape (pictures, 4, height / 8, width / 8), half precision."""
    facts: Sequence[Description]


@dataclass(frozen=True)
class Batch:
    """Some latents, single precision, and what they show."""

    latents: Tensor
    facts: Sequence[Description]


@dataclass(frozen=True)
class Pair:
    """Latents, and the picture that should come of them."""

    latents: Tensor
    """Shape (4, height / 8, width / 8)."""
    picture: Tensor
    """Shape (3, height, width), bytes."""


def draw_bucket(size: Size, count: int, first_seed: int) -> Bucket:
    """Draw the pictures of consecutive seeds."""
    starts = range(first_seed, first_seed + count, CHUNK)
    with ProcessPoolExecutor() as pool:
        chunks = list(pool.map(partial(_draw_chunk, size), starts))
    latents = torch.from_numpy(np.concatenate([latents for latents, _ in chunks])[:count])
    return Bucket(latents, [facts for _, chunk in chunks for facts in chunk][:count])


def batches(buckets: Sequence[Bucket], pixels: int, random: np.random.Generator) -> Iterator[Batch]:
    """Choose pictures for ever; `pixels` is a batch's latent pixels."""
    counts = np.array([len(bucket.facts) for bucket in buckets], dtype=np.float64)
    shares = counts / counts.sum()
    while True:
        bucket = buckets[int(random.choice(len(buckets), p=shares))]
        size = max(4, pixels // bucket.latents[0, 0].numel())
        chosen = random.integers(len(bucket.facts), size=size)
        latents = bucket.latents[torch.from_numpy(chosen)].float()
        yield Batch(latents, [bucket.facts[index] for index in chosen])


def _draw_chunk(size: Size, start: int) -> tuple[NDArray[np.float16], list[Description]]:
    drawn = [paint(seed, *size) for seed in range(start, start + CHUNK)]
    latents = np.stack([latents_of(canvas.reduced()) for canvas, _ in drawn])
    return latents.astype(np.float16), [facts for _, facts in drawn]
