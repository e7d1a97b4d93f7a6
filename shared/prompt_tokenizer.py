"""A model's own tokenizer, without the libraries of the model."""

import hashlib
from dataclasses import dataclass

from tokenizers import Tokenizer


@dataclass(frozen=True)
class Token:
    """A piece of a prompt, as the text encoder reads it."""

    id: int
    place: int
    """Where it begins in the text."""


class PromptTokenizer:
    """Splits texts as the model's tokenizer does."""

    def __init__(self, definition: str, *, chunk_tokens: int) -> None:
        """Take the tokenizer's JSON, and how many tokens of a text the model reads at once."""
        self.definition = definition
        self.chunk_tokens = chunk_tokens
        self._tokenizer = Tokenizer.from_str(definition)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.comma = self._tokenizer.token_to_id(",</w>")

    @property
    def id(self) -> str:
        """Its name among all tokenizers."""
        return f"sha256:{hashlib.sha256(self.definition.encode()).hexdigest()[:16]}"

    def split(self, text: str) -> list[Token]:
        """Give the tokens of a text, without those that mark its beginning and its end."""
        found = self._tokenizer.encode(text, add_special_tokens=False)
        return [
            Token(number, start)
            for number, (start, _) in zip(found.ids, found.offsets, strict=True)
        ]
