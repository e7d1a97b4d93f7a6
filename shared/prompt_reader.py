"""A prompt as the text encoder reads it: tokens with their weights, in chunks."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from shared.prompt_rules import PromptPolicy, PromptSyntax
from shared.prompt_syntax import Passage, Span, parse_prompt, plain_prompt
from shared.prompt_tokenizer import PromptTokenizer

# A1111's: a full chunk ends behind its last comma, if that is not further back.
_TOKENS_BEHIND_A_COMMA = 20

_PARSERS = {PromptSyntax.A1111: parse_prompt, PromptSyntax.PLAIN: plain_prompt}


@dataclass(frozen=True)
class WeightedToken:
    """A token, how much it weighs, and where it begins in the prompt as it was typed."""

    id: int
    weight: float
    place: int


Chunk = Sequence[WeightedToken]
"""Tokens that the text encoder reads together."""


@dataclass(frozen=True)
class ReadPrompt:
    """A prompt as it is read."""

    chunks: Sequence[Chunk]
    """One at least."""

    tokens: int
    """Of the whole prompt, without those that mark a beginning or an end."""

    dropped_text: str
    """Its end as it was typed, where that is in no chunk."""


@dataclass(frozen=True)
class PromptReader:
    """Reads prompts for one model; the API counts with it what the worker paints with."""

    tokenizer: PromptTokenizer
    policy: PromptPolicy
    syntax: PromptSyntax

    def read(self, prompt: str) -> ReadPrompt:
        """Read a prompt; where it is too long to be read, say what would be left out."""
        passages = [self._tokens(passage) for passage in _PARSERS[self.syntax](prompt)]
        size = self.tokenizer.chunk_tokens
        tokens = list(chain.from_iterable(passages))
        if self.policy is PromptPolicy.CHUNK:
            chunks = _chunks(passages, size, self.tokenizer.comma)
            return ReadPrompt(chunks, len(tokens), dropped_text="")
        # There is one chunk only, which a BREAK does not end.
        dropped = prompt[tokens[size].place :].strip() if len(tokens) > size else ""
        return ReadPrompt([tokens[:size]], len(tokens), dropped)

    def _tokens(self, passage: Passage) -> list[WeightedToken]:
        return [token for span in passage for token in self._tokens_of(span)]

    def _tokens_of(self, span: Span) -> list[WeightedToken]:
        return [
            WeightedToken(token.id, span.weight, span.places[token.place])
            for token in self.tokenizer.split(span.text)
        ]


def _chunks(passages: Sequence[Chunk], size: int, comma: int | None) -> list[Chunk]:
    chunks = [chunk for passage in passages for chunk in _filled(passage, size, comma)]
    # Nothing behind the last BREAK is no chunk.
    return chunks if chunks[-1] or len(chunks) == 1 else chunks[:-1]


def _filled(tokens: Chunk, size: int, comma: int | None) -> list[Chunk]:
    chunks = []
    while len(tokens) > size:
        end = _end_of_chunk(tokens, size, comma)
        chunks.append(tokens[:end])
        tokens = tokens[end:]
    return [*chunks, tokens]


def _end_of_chunk(tokens: Chunk, size: int, comma: int | None) -> int:
    if tokens[size].id == comma:
        return size
    behind = range(size, size - _TOKENS_BEHIND_A_COMMA, -1)
    return next((end for end in behind if end > 0 and tokens[end - 1].id == comma), size)
