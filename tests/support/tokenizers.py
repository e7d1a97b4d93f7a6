"""The bundled model's tokenizer, without the model."""

from functools import lru_cache
from pathlib import Path

from shared.prompt_tokenizer import PromptTokenizer

_FILE = Path(__file__).resolve().parents[2] / "models/demo/tokenizer/tokenizer.json"


@lru_cache
def make_tokenizer(*, chunk_tokens: int = 75) -> PromptTokenizer:
    return PromptTokenizer(_FILE.read_text(), chunk_tokens=chunk_tokens)
