"""What the first bytes of a `.safetensors` file say, read without its tensors or torch."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_LENGTH_BYTES = 8
_LONGEST = 100_000_000  # As the format has it.
_MOST_TRIGGER_WORDS = 5
_LONGEST_TEXT = 200


class NotALora(Exception):
    """A file cannot be used as one; the message is a clause that says why."""


class _Tensor(BaseModel):
    data_offsets: tuple[int, int]


class _Header(BaseModel):
    model_config = ConfigDict(extra="allow")

    __pydantic_extra__: dict[str, _Tensor]
    metadata: dict[str, str] = Field(alias="__metadata__", default={})


@dataclass(frozen=True)
class Header:
    """The names of a file's tensors, what its maker says of it, and where its tensors begin."""

    keys: tuple[str, ...]
    metadata: Mapping[str, str]
    length: int

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the header of a file.

        Raises:
            NotALora: The file is something else, or not whole.
            OSError: It cannot be read.
        """
        with path.open("rb") as file:
            header, length = _parsed(file)
        tensors = header.__pydantic_extra__
        end = max((tensor.data_offsets[1] for tensor in tensors.values()), default=0)
        if length + end != path.stat().st_size:
            message = "its end is missing"
            raise NotALora(message)
        return cls(tuple(tensors), header.metadata, length)

    @property
    def title(self) -> str | None:
        """What its maker calls it."""
        return self._said("modelspec.title", "ss_output_name")

    @property
    def base_model(self) -> str | None:
        """What it was trained for."""
        return self._said("ss_base_model_version", "modelspec.architecture")

    @property
    def trigger_words(self) -> tuple[str, ...]:
        """The words that bring it out, as its maker gives them, else the most frequent tags."""
        said = self._said("modelspec.trigger_phrase")
        return (said,) if said else _frequent_tags(self.metadata.get("ss_tag_frequency", ""))

    def _said(self, *names: str) -> str | None:
        said = (self.metadata.get(name, "").strip() for name in names)
        return next((text[:_LONGEST_TEXT] for text in said if text), None)


class _Frequencies(BaseModel):
    folders: dict[str, dict[str, int]]


def _parsed(file: IO[bytes]) -> tuple[_Header, int]:
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    text = file.read(length) if 0 < length <= _LONGEST else b""
    try:
        return _Header.model_validate_json(text), _LENGTH_BYTES + length
    except ValidationError:
        message = "it is not in safetensors form"
        raise NotALora(message) from None


def _frequent_tags(text: str) -> tuple[str, ...]:
    try:
        folders = _Frequencies(folders=json.loads(text)).folders
    except ValueError:
        return ()
    counts: dict[str, int] = {}
    for tags in folders.values():
        for tag, count in tags.items():
            counts[tag.strip()] = counts.get(tag.strip(), 0) + count
    ranked = sorted(counts, key=lambda tag: -counts[tag])
    return tuple(tag[:_LONGEST_TEXT] for tag in ranked[:_MOST_TRIGGER_WORDS])
