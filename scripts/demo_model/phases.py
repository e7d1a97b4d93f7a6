"""The course of the training: small pictures first, then larger ones."""

from collections.abc import Sequence
from dataclasses import dataclass

from .pictures import Size


@dataclass(frozen=True)
class Phase:
    """Some steps on pictures of some sizes."""

    name: str
    steps: int
    rate: float
    """Highest learning rate; it rises to it and falls to a twentieth."""
    pixels: int
    """Latent pixels in a batch."""
    sizes: Sequence[tuple[Size, int]]
    """Picture sizes, and how many pictures of each."""


PHASES: Sequence[Phase] = (
    Phase(
        "small", 4000, 6e-4, 64 * 256, (((128, 128), 40000), ((128, 96), 4000), ((96, 128), 4000))
    ),
    Phase(
        "medium",
        5000,
        4e-4,
        32 * 1024,
        (
            ((256, 256), 24000),
            ((384, 256), 2000),
            ((256, 384), 2000),
            ((256, 192), 2000),
            ((192, 256), 2000),
        ),
    ),
    Phase(
        "large",
        2000,
        3e-4,
        9 * 4096,
        (
            ((256, 256), 4000),
            ((512, 512), 4000),
            ((512, 384), 400),
            ((384, 512), 400),
            ((768, 512), 300),
            ((512, 768), 300),
            ((768, 768), 200),
        ),
    ),
)
