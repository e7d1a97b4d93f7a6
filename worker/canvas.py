"""What a picture is painted on: nothing, another picture, or a part of one."""

import io
from dataclasses import dataclass
from typing import Self

from PIL import Image, ImageOps

from shared.generation import GenerationRequest
from worker.inputs import Inputs

_LATENT = 8
"""Pixels of a picture, each way, to one of its latents."""

_HALF = 128


@dataclass(frozen=True)
class Canvas:
    """Pictures in the size of the request: scaled to cover it, and cut to it around the middle."""

    image: Image.Image | None = None
    mask: Image.Image | None = None
    """255 where it is painted anew, else 0."""

    @classmethod
    def prepare(cls, request: GenerationRequest, inputs: Inputs) -> Self:
        """Give what a request is painted on."""
        size = (request.width, request.height)
        mask = None
        if inputs.mask is not None:
            mask = _fitted(inputs.mask, size, Image.Resampling.BILINEAR)
            mask = mask.point(lambda value: 255 if value >= _HALF else 0)
        if inputs.init_image is None:
            return cls()
        return cls(_fitted(inputs.init_image, size, Image.Resampling.LANCZOS), mask)

    @property
    def touched(self) -> Image.Image:
        """The mask in whole latents: each that it touches is painted, so thin lines are not lost.

        What is too much is taken back by `finished`.
        """
        assert self.mask is not None
        latents = self.mask.reduce(_LATENT).point(lambda value: 255 if value else 0)
        return latents.resize(self.mask.size, Image.Resampling.NEAREST)

    def finished(self, painted: Image.Image) -> Image.Image:
        """Give the painted picture, with every pixel outside of the mask as it was before."""
        if self.image is None or self.mask is None:
            return painted
        return Image.composite(painted, self.image, self.mask)


def _fitted(png: bytes, size: tuple[int, int], method: Image.Resampling) -> Image.Image:
    return ImageOps.fit(Image.open(io.BytesIO(png)), size, method)
