"""What a picture's record says of how its prompts were read."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PromptAccount:
    """Its fields are those of the record."""

    prompt_tokens: int = 0
    prompt_chunks: int = 1
    dropped_text: str = ""
    negative_prompt_tokens: int = 0
    dropped_negative_text: str = ""
