"""How many tokens prompts have, before anything is painted."""

from typing import TYPE_CHECKING, Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.dependencies import CurrentPromptReaders
from shared.generation import ModelName, NegativePrompt
from shared.prompt_rules import PromptPolicy, PromptSyntax

if TYPE_CHECKING:
    from shared.prompt_reader import ReadPrompt

router = APIRouter(tags=["pictures"])


class Prompts(BaseModel):
    """What to count; unlike a picture's prompt it may be empty."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"prompt": "a (red:1.3) apple on a white table"}]},
    )

    prompt: Annotated[str, Field(max_length=1000)]
    negative_prompt: NegativePrompt | None = None
    model: ModelName | None = None
    """Which of `GET /models` reads them; omit it for the default."""


class TextCount(BaseModel):
    """How the model reads one of them."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    tokens: int
    """As the model's tokenizer counts."""

    chunks: int
    """The parts in which it is read."""

    dropped_text: str
    """The end that the model would not read; under the policy `error` it is refused for that."""

    @classmethod
    def of(cls, read: "ReadPrompt") -> Self:
        """Count what was read."""
        return cls(tokens=read.tokens, chunks=len(read.chunks), dropped_text=read.dropped_text)


class TokenCount(BaseModel):
    """How the live model reads prompts."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    policy: PromptPolicy
    """What becomes of a prompt that is longer than a chunk."""

    syntax: PromptSyntax
    """Whether brackets and BREAK are more than words."""

    chunk_tokens: int
    """As many tokens the model reads at once."""

    prompt: TextCount
    negative_prompt: TextCount


@router.post("/tokens")
def count(prompts: Prompts, readers: CurrentPromptReaders) -> TokenCount:
    """Count the tokens of prompts as the worker does; nothing is painted, nothing is kept."""
    reader = readers.live(prompts.model)
    return TokenCount(
        policy=reader.policy,
        syntax=reader.syntax,
        chunk_tokens=reader.tokenizer.chunk_tokens,
        prompt=TextCount.of(reader.read(prompts.prompt)),
        negative_prompt=TextCount.of(reader.read(prompts.negative_prompt or "")),
    )
