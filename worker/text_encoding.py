"""Prompts to what the denoiser is guided by."""

from dataclasses import dataclass
from typing import Any

import torch
from diffusers import StableDiffusionPipeline

from shared.generation import GenerationRequest


@dataclass(frozen=True)
class EncodedText:
    """Both prompts of a request as the text encoder gives them."""

    prompt: torch.Tensor
    negative: torch.Tensor | None
    """None where guidance is off."""

    prompt_tokens: int
    """Of the prompt, as the model's tokenizer counts."""

    dropped_text: str
    """The end of the prompt that the model did not read."""


def encode_text(pipeline: StableDiffusionPipeline, request: GenerationRequest) -> EncodedText:
    """Encode the prompt, and the negative one where guidance is on."""
    prompt, negative = pipeline.encode_prompt(
        request.prompt,
        pipeline.device,
        num_images_per_prompt=1,
        do_classifier_free_guidance=request.guidance_scale > 1,
        negative_prompt=request.negative_prompt or "",
    )
    tokens, dropped = _read_by(pipeline.tokenizer, request.prompt)
    return EncodedText(prompt, negative, prompt_tokens=tokens, dropped_text=dropped)


def _read_by(tokenizer: Any, prompt: str) -> tuple[int, str]:
    """Count the prompt's tokens, and give the text beyond those that the model reads."""
    tokens = tokenizer(prompt, add_special_tokens=False, verbose=False).input_ids
    read = tokenizer.model_max_length - tokenizer.num_special_tokens_to_add()
    return len(tokens), tokenizer.decode(tokens[read:]).strip()
