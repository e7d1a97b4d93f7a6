"""Prompts to what the denoiser is guided by."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from diffusers import StableDiffusionPipeline

from shared.generation import GenerationRequest
from shared.job_parts import FailureType
from shared.prompt_reader import Chunk, PromptReader, ReadPrompt
from shared.prompt_rules import PromptPolicy
from shared.prompt_tokenizer import PromptTokenizer
from worker.painting import PaintingFailed
from worker.prompt_account import PromptAccount
from worker.text_cache import TextCache

# Beyond these the mean was near zero, and to restore it would blow up the numbers.
_RESTORED = (0.1, 10.0)


@dataclass(frozen=True)
class EncodedText:
    """Both prompts of a request as the text encoder gives them, equally long."""

    prompt: torch.Tensor
    negative: torch.Tensor | None
    """None where guidance is off."""

    account: PromptAccount


def tokenizer_of(pipeline: StableDiffusionPipeline) -> PromptTokenizer:
    """Give the pipeline's tokenizer, which reads as much as its text encoder."""
    tokenizer = pipeline.tokenizer
    longest = pipeline.text_encoder.config.max_position_embeddings
    size = min(tokenizer.model_max_length, longest) - tokenizer.num_special_tokens_to_add()
    return PromptTokenizer(tokenizer.backend_tokenizer.to_str(), chunk_tokens=size)


def count_chunks(request: GenerationRequest, reader: PromptReader) -> int:
    """Give how many chunks the prompts of a request are encoded in, each of them."""
    prompt, negative = reader.read(request.prompt), reader.read(request.negative_prompt or "")
    return _longer(prompt, negative, is_guided=request.guidance_scale > 1)


def encode_text(
    pipeline: StableDiffusionPipeline,
    request: GenerationRequest,
    reader: PromptReader,
    cache: TextCache,
) -> EncodedText:
    """Encode the prompt, and the negative one where guidance is on, but what is in the cache.

    Raises:
        PaintingFailed: One is too long, and the policy refuses those.
    """
    prompt = reader.read(request.prompt)
    negative = reader.read(request.negative_prompt or "")
    if reader.policy is PromptPolicy.ERROR:
        _refuse_long({"prompt": prompt, "negative prompt": negative}, reader)
    is_guided = request.guidance_scale > 1
    count = _longer(prompt, negative, is_guided=is_guided)
    size = reader.tokenizer.chunk_tokens

    def encode(chunks: Sequence[Chunk]) -> torch.Tensor:
        # Each by itself, so that a short prompt gives what `encode_prompt` does, to the bit; and
        # as many empty ones as it takes for both prompts to be equally long.
        padding: list[Chunk] = [()] * (count - len(chunks))
        states = [cache.get(one, partial(_encode, pipeline, size)) for one in [*chunks, *padding]]
        return torch.cat(states, dim=1)

    return EncodedText(
        encode(prompt.chunks),
        encode(negative.chunks) if is_guided else None,
        _account(prompt, negative),
    )


def _longer(prompt: ReadPrompt, negative: ReadPrompt, *, is_guided: bool) -> int:
    return max(len(prompt.chunks), len(negative.chunks) if is_guided else 1)


def _refuse_long(prompts: dict[str, ReadPrompt], reader: PromptReader) -> None:
    limit = reader.tokenizer.chunk_tokens
    for name, read in prompts.items():
        if read.dropped_text:
            detail = f"The {name} has {read.tokens} tokens, and the model reads {limit}."
            raise PaintingFailed(FailureType.PROMPT_TOO_LONG, detail)


def _account(prompt: ReadPrompt, negative: ReadPrompt) -> PromptAccount:
    return PromptAccount(
        prompt_tokens=prompt.tokens,
        prompt_chunks=len(prompt.chunks),
        dropped_text=prompt.dropped_text,
        negative_prompt_tokens=negative.tokens,
        dropped_negative_text=negative.dropped_text,
    )


def _encode(pipeline: StableDiffusionPipeline, size: int, chunk: Chunk) -> torch.Tensor:
    tokenizer, encoder = pipeline.tokenizer, pipeline.text_encoder
    missing = size - len(chunk)
    ids = [tokenizer.bos_token_id, *(token.id for token in chunk), tokenizer.eos_token_id]
    ids += [tokenizer.pad_token_id] * missing
    states: torch.Tensor = encoder(
        torch.tensor([ids], device=pipeline.device), attention_mask=_mask(pipeline, missing, ids)
    )[0]
    weights = [1.0, *(token.weight for token in chunk), *[1.0] * (missing + 1)]
    return _weighted(states.to(encoder.dtype), weights)


def _mask(pipeline: StableDiffusionPipeline, missing: int, ids: list[Any]) -> torch.Tensor | None:
    if not getattr(pipeline.text_encoder.config, "use_attention_mask", False):
        return None
    read = [1] * (len(ids) - missing) + [0] * missing
    return torch.tensor([read], device=pipeline.device)


def _weighted(states: torch.Tensor, weights: Sequence[float]) -> torch.Tensor:
    """Scale each token's state by its weight, and all of them back to the mean they had."""
    if all(weight == 1 for weight in weights):
        return states
    scales = torch.tensor(weights, device=states.device).unsqueeze(-1)
    before = states.float()
    after = before * scales
    ratio = before.mean() / after.mean()
    lowest, highest = _RESTORED
    is_sound = (ratio >= lowest) & (ratio <= highest)
    return (after * torch.where(is_sound, ratio, 1.0)).to(states.dtype)
