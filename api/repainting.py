"""What A1111's text about a picture comes to as a request of ours, and what is lost."""

import re
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from shared.generation import GenerationRequest
from shared.infotext import NOISE_SOURCE, STRENGTH, Infotext, schedule_of
from shared.lora_tags import read_tags
from shared.prompt_rules import PromptSyntax
from shared.schedulers import entry_of, scheduler_named

_Fields = dict[str, Any]

_SCHEDULE_IN_SAMPLER = re.compile(r"(.*)[ _](karras|exponential)", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,18})?", re.ASCII)
_SIZE = re.compile(r"(\d{1,9})x(\d{1,9})", re.ASCII)
# What A1111 does not read as words: in a prompt, and what of it this service does not.
_SYNTAX = {
    PromptSyntax.PLAIN: (
        re.compile(r"<(?:lyco|hypernet):|:\s*[\d.]+\s*[)\]]|\(\(|\bBREAK\b"),
        "Weights, networks and breaks in the prompts are read as plain words here.",
    ),
    PromptSyntax.A1111: (
        re.compile(r"<(?:lyco|hypernet):|:\s*[\d.]+\s*\]|\[[^\[\]]*\||\bAND\b"),
        "Networks, AND, [a:b:0.5] and [a|b] in the prompts are read as plain words here.",
    ),
}
_SHOWN_OF_A_VALUE = 60
_AUTOMATIC = "Automatic"
_NO_FIELD = "a request has no such field"
_WHY_STRANGE = {
    "Model": "it may have another name here",
    STRENGTH: "the picture began with another, which a request gives as init_image",
}


@dataclass(frozen=True)
class Repainting:
    """The request that a text comes to, and what of it no request can say."""

    request: GenerationRequest | None
    """None where the prompt is not one that a request can have."""

    notes: list[str]


def repainting_of(
    infotext: Infotext, *, use_karras_sigmas: bool, prompt_syntax: PromptSyntax
) -> Repainting:
    """Give the request that paints a picture again, as nearly as this service can."""
    parameters = _with_schedule_apart(infotext.parameters)
    fields, strangers = _understood(parameters)
    tagged = read_tags(infotext.prompt)
    fields["prompt"] = tagged.words
    if tagged.loras:
        fields["loras"] = tagged.loras
    if infotext.negative_prompt is not None:
        fields["negative_prompt"] = infotext.negative_prompt
    request, refusals = _valid_part(fields)
    schedule = _schedule_note(parameters, fields, use_karras_sigmas=use_karras_sigmas)
    tags = [f"Of the prompt {complaint}; it is left out." for complaint in tagged.complaints]
    notes = [*_prompt_notes(infotext, prompt_syntax), *tags, *strangers, *refusals, *schedule]
    return Repainting(request, notes)


def _with_schedule_apart(parameters: dict[str, str]) -> dict[str, str]:
    """Write `DPM++ 2M Karras`, of older versions, as newer ones do."""
    joined = _SCHEDULE_IN_SAMPLER.fullmatch(parameters.get("Sampler", ""))
    if joined is None:
        return parameters
    return {**parameters, "Sampler": joined[1], "Schedule type": joined[2].capitalize()}


def _understood(parameters: dict[str, str]) -> tuple[_Fields, list[str]]:
    fields: _Fields = {}
    strangers = []
    for name, value in parameters.items():
        read = _READERS.get(name)
        if read is None:
            strangers.append(_lost(name, value, _WHY_STRANGE.get(name, _NO_FIELD)))
            continue
        meant = read(value)
        if meant is None:
            strangers.append(_lost(name, value, "this service does not know it"))
            continue
        fields.update(meant)
    return fields, strangers


def _valid_part(fields: _Fields) -> tuple[GenerationRequest | None, list[str]]:
    try:
        return GenerationRequest.model_validate(fields), []
    except ValidationError as error:
        wrong = {str(item["loc"][0]): item for item in error.errors()}
    notes = [_lost(name, item["input"], _reason(item["msg"])) for name, item in wrong.items()]
    if "prompt" in wrong:
        return None, notes
    kept = {name: value for name, value in fields.items() if name not in wrong}
    return GenerationRequest.model_validate(kept), notes


def _prompt_notes(infotext: Infotext, syntax: PromptSyntax) -> list[str]:
    notes = []
    if not infotext.parameters:
        notes.append("There is no line of parameters, so all of the text is taken for prompts.")
    elif infotext.parameters.get("RNG") != NOISE_SOURCE:
        notes.append("The picture began with noise that was not drawn on a CPU, as it is here.")
    unread, note = _SYNTAX[syntax]
    if unread.search(f"{infotext.prompt}\n{infotext.negative_prompt}"):
        notes.append(note)
    return notes


def _schedule_note(
    parameters: dict[str, str], fields: _Fields, *, use_karras_sigmas: bool
) -> list[str]:
    scheduler = fields.get("scheduler")
    if scheduler is None:
        return []
    here = schedule_of(scheduler, use_karras_sigmas=use_karras_sigmas)
    plain = schedule_of(scheduler, use_karras_sigmas=False)
    wanted = parameters.get("Schedule type", plain)
    if wanted == _AUTOMATIC:
        wanted = entry_of(scheduler).automatic
    if wanted in {here, _AUTOMATIC}:
        return []
    return [_lost("Schedule type", wanted, f"this service paints with {here}")]


def _lost(name: str, value: object, reason: str) -> str:
    text = str(value)
    shown = text if len(text) <= _SHOWN_OF_A_VALUE else text[:_SHOWN_OF_A_VALUE] + "…"
    return f"{name}: {shown!r} is not carried over: {reason}."


def _reason(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[0].lower() + message[1:]


def _number(field: str, text: str) -> _Fields | None:
    if not _NUMBER.fullmatch(text):
        return None
    return {field: float(text) if "." in text else int(text)}


def _scheduler(text: str) -> _Fields | None:
    scheduler = scheduler_named(text)  # As A1111 writes it, as savers for ComfyUI do, or as we do.
    return None if scheduler is None else {"scheduler": scheduler}


def _size(text: str) -> _Fields | None:
    size = _SIZE.fullmatch(text)
    return None if size is None else {"width": int(size[1]), "height": int(size[2])}


def _nothing(_: str) -> _Fields:
    return {}


_READERS = {
    "Steps": lambda text: _number("num_inference_steps", text),
    "CFG scale": lambda text: _number("guidance_scale", text),
    "Seed": lambda text: _number("seed", text),
    "Sampler": _scheduler,
    "Size": _size,
    # Looked at elsewhere, or of no consequence.
    "Schedule type": _nothing,
    "RNG": _nothing,
    "Lora hashes": _nothing,
    "Version": _nothing,
}
