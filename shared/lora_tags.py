"""LoRAs in the words of A1111: tags in the prompt, such as `<lora:name:0.8>`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import ValidationError

from shared.loras import LoraUse

# With the space before it, so that a prompt is as it was when its tags are taken out again.
_TAG = re.compile(r" ?<lora:([^<>]*)>", re.IGNORECASE)
_NUMBER = re.compile(r"-?(\d{1,18}(\.\d{0,18})?|\.\d{1,18})(e-\d{1,3})?", re.ASCII)


@dataclass(frozen=True)
class TaggedPrompt:
    """A prompt without its tags, and what they asked for."""

    words: str
    loras: tuple[LoraUse, ...]
    complaints: tuple[str, ...]
    """Why tags were not understood, a clause for each."""


def read_tags(prompt: str) -> TaggedPrompt:
    """Take the tags out of a prompt."""
    loras, complaints = [], []
    for arguments in _TAG.findall(prompt):
        try:
            loras.append(_use(arguments))
        except ValueError as error:
            complaints.append(f"<lora:{arguments}> {error}")
    return TaggedPrompt(_TAG.sub("", prompt), tuple(loras), tuple(complaints))


def write_tags(prompt: str, loras: Iterable[LoraUse]) -> str:
    """Put tags at the end of a prompt."""
    return prompt + "".join(f" <lora:{lora.name}:{_shortest(lora.weight)}>" for lora in loras)


def _shortest(weight: float) -> float:
    return int(weight) if weight.is_integer() else weight


def _use(arguments: str) -> LoraUse:
    name, *weights = (argument.strip() for argument in arguments.split(":"))
    numbers = {float(weight) for weight in weights if _NUMBER.fullmatch(weight)}
    if not all(map(_NUMBER.fullmatch, weights)) or len(numbers) > 1:
        message = "must be a name and one weight: that of the text and the picture are the same"
        raise ValueError(message)
    try:
        return LoraUse(name=name, weight=next(iter(numbers), 1.0))
    except ValidationError as error:
        wrong = error.errors()[0]
        message = f"has a {wrong['loc'][0]} that cannot be: {_lower(wrong['msg'])}"
        raise ValueError(message) from None


def _lower(message: str) -> str:
    return message[0].lower() + message[1:]
