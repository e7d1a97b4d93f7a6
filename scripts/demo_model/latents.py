"""The latent space: what the autoencoder's hand-set encoder computes, by plain averages."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

BLOCK = 8
"""Side in pixels of the square that one latent pixel stands for."""
COLOUR_MEAN, COLOUR_SCALE = 0.5, 0.28
"""Channels 0 to 2 are the mean red, green and blue (0 to 1), less the mean, by the scale."""
EDGE_MEAN, EDGE_SCALE = 0.02, 0.05
"""Channel 3 is the mean absolute step in lightness to the right and down, likewise."""

Latents = NDArray[np.float32]
"""Shape (4, height / 8, width / 8)."""


def latents_of(image: Image.Image) -> Latents:
    """Average blocks of 8x8 pixels, exactly as the encoder does."""
    pixels = np.asarray(image, dtype=np.float32) / 255.0
    colours = (_block_means(pixels) - COLOUR_MEAN) / COLOUR_SCALE
    edges = (_block_means(_steps(pixels.mean(axis=-1))[..., None]) - EDGE_MEAN) / EDGE_SCALE
    return np.concatenate([colours, edges], axis=-1).transpose(2, 0, 1)


def _steps(lightness: NDArray[np.float32]) -> NDArray[np.float32]:
    steps = np.zeros_like(lightness)
    steps[:, :-1] += np.abs(np.diff(lightness, axis=1))
    steps[:-1] += np.abs(np.diff(lightness, axis=0))
    return steps


def _block_means(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width, channels = pixels.shape
    blocks = pixels.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK, channels)
    means: NDArray[np.float32] = blocks.mean(axis=(1, 3))
    return means
