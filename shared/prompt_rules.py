"""How a service reads prompts: what becomes of long ones, and whether brackets weigh words."""

from enum import StrEnum


class PromptPolicy(StrEnum):
    """What becomes of a prompt that is longer than what the model reads at once."""

    CHUNK = "chunk"
    """It is read in several parts."""

    TRUNCATE = "truncate"
    """Its end is not read, and the record says which text that was."""

    ERROR = "error"
    """It is refused."""


class PromptSyntax(StrEnum):
    """What brackets and BREAK mean in a prompt."""

    A1111 = "a1111"
    """Weights and a new chunk, as in A1111's web UI."""

    PLAIN = "plain"
    """Words like all others."""
