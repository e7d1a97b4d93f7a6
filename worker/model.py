"""A model that is loaded and that no request changes."""

from dataclasses import dataclass

from diffusers import StableDiffusionPipeline

from shared.generation import Build
from shared.prompt_reader import PromptReader
from worker.latent_colours import LatentColours


@dataclass(frozen=True)
class Model:
    """The modules of a checkpoint on their device, and what belongs to them."""

    pipeline: StableDiffusionPipeline
    build: Build
    colours: LatentColours
    """How its latents look, for previews."""

    reader: PromptReader
    """How its prompts are read."""
