"""The text in which A1111 and its viewers say how a picture was made.

a cat on a mat
Negative prompt: dog
Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 42, Size: 512x512, …
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from shared.generation import Build, GenerationRequest, Scheduler
from shared.lora_tags import write_tags
from shared.loras import LoraUsed
from shared.schedulers import entry_of

NOISE_SOURCE = "CPU"
STRENGTH = "Denoising strength"
"""Said of pictures that began with another, or were painted twice."""

# Sought only behind commas, so that no text makes it take long.
_PARAMETER = re.compile(r'(?:^|(?<=,))\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
_FEWEST_PARAMETERS = 3  # With fewer, the last line is the prompt's: A1111's own rule.
_NEGATIVE_PROMPT = re.compile(r"^[ \t]*Negative prompt: ?", re.MULTILINE)


def schedule_of(scheduler: Scheduler, *, use_karras_sigmas: bool) -> str:
    """Give A1111's name of the noise levels that a sampler takes."""
    if not entry_of(scheduler).takes_karras:
        return "Automatic"
    return "Karras" if use_karras_sigmas else "Uniform"


def write_infotext(
    request: GenerationRequest, build: Build, program: str, loras: Sequence[LoraUsed] = ()
) -> str:
    """Write how a picture was made."""
    negative = f"\nNegative prompt: {request.negative_prompt}" if request.negative_prompt else ""
    parameters = {
        "Steps": request.num_inference_steps,
        "Sampler": entry_of(request.scheduler).a1111,
        "Schedule type": schedule_of(request.scheduler, use_karras_sigmas=build.use_karras_sigmas),
        "CFG scale": _shortest(request.guidance_scale),
        "Seed": request.seed,
        "Size": f"{request.width}x{request.height}",
        STRENGTH: None if request.strength is None else _shortest(request.strength),
        "Model": build.model,
        "RNG": NOISE_SOURCE,
        "Lora hashes": ", ".join(f"{lora.name}: {lora.autov3}" for lora in loras) or None,
        "Version": program,
    }
    known = {name: str(value) for name, value in parameters.items() if value is not None}
    line = ", ".join(f"{name}: {_quoted(value)}" for name, value in known.items())
    return f"{write_tags(request.prompt, request.loras)}{negative}\n{line}"


@dataclass(frozen=True)
class Infotext:
    """What such a text says, in its own words."""

    prompt: str
    negative_prompt: str | None
    parameters: dict[str, str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a text as A1111 does, except that the prompts keep their white space."""
        prompts, _, last_line = text.rstrip().rpartition("\n")
        found = _PARAMETER.findall(last_line)
        if len(found) < _FEWEST_PARAMETERS:
            prompts, found = text, []
        prompt, negative_prompt = _prompts_in(prompts)
        parameters = {name: _unquoted(value.strip()) for name, value in found}
        return cls(prompt, negative_prompt, parameters)


def _prompts_in(text: str) -> tuple[str, str | None]:
    negative = _NEGATIVE_PROMPT.search(text)
    if negative is None:
        return text, None
    return text[: negative.start()].removesuffix("\n"), text[negative.end() :] or None


def _shortest(number: float) -> float:
    return int(number) if number.is_integer() else number


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if re.search(r'[,:\n"]', value) else value


def _unquoted(value: str) -> str:
    if not (value.startswith('"') and value.endswith('"')):
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value
