"""What a picture says of itself in its PNG's texts: in A1111's words, and fully in our own."""

import json
from typing import Self

from pydantic import BaseModel, ConfigDict

from shared import SERVICE_NAME, VERSION
from shared.generation import Build, GenerationRequest
from shared.infotext import write_infotext
from shared.loras import LoraUsed

INFOTEXT = "parameters"
"""The keyword under which A1111 and its viewers look."""

METADATA = "semantic-bit"
"""The keyword of our own JSON."""

PROGRAM = f"{SERVICE_NAME} {VERSION}"
"""What writes them."""


class PictureResult(BaseModel):
    """How a picture was made, without what differs when it is painted again: times and ids."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    program: str
    """What wrote this."""

    prompt_tokens: int
    """Of the prompt, as the model's tokenizer counts."""

    dropped_text: str
    """The end of the prompt that the model did not read."""

    build: Build
    """What it was painted with."""

    loras: tuple[LoraUsed, ...] = ()
    """The LoRAs that changed the model for it, in the order of the request."""

    prompt_chunks: int = 1
    """In how many parts the prompt was read."""

    negative_prompt_tokens: int = 0
    """Of the negative prompt."""

    dropped_negative_text: str = ""
    """The end of the negative prompt that the model did not read."""

    batch_size: int = 1
    """How many pictures went through the model at once."""


class PictureMetadata(BaseModel):
    """All that it takes to paint the picture again, and to say why it came out otherwise."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    request: GenerationRequest
    """With its seed, and with the defaults filled in."""

    result: PictureResult

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `texts` has written.

        Raises:
            ValidationError: It is something else.
        """
        return cls.model_validate_json(text)

    @property
    def infotext(self) -> str:
        """A1111's text about the picture."""
        result = self.result
        return write_infotext(self.request, result.build, result.program, result.loras)

    def texts(self) -> dict[str, str]:
        """Give the texts for the PNG, by keyword; the same for the same picture."""
        return {
            INFOTEXT: self.infotext,
            METADATA: json.dumps(self.model_dump(mode="json"), separators=(",", ":")),
        }
