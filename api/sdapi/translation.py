"""From A1111's words to ours."""

import re
from collections.abc import Callable, Mapping
from secrets import randbelow

from pydantic import JsonValue

from api.errors import InvalidRequest
from api.sdapi.request import RANDOM_SEED, Txt2ImgRequest
from api.sdapi.samplers import SamplerNames
from api.series import HIGHEST_SEED, MAX_PICTURES, repeated
from shared.generation import GenerationRequest, Scheduler
from shared.lora_tags import read_tags
from shared.prompt_rules import PromptSyntax
from shared.schedulers import SCHEDULERS, entry_of

Complaints = dict[str, str]
"""What is wrong, by field."""

_FIRST_CLIP_SKIP = 1
_WEIGHT = re.compile(r"\([^()]+:\s*[\d.]+\s*\)")
_OURS = {
    "steps": "num_inference_steps",
    "cfg_scale": "guidance_scale",
    "width": "width",
    "height": "height",
}


class Translator:
    """Gives the request of each picture, or says what cannot be done."""

    def __init__(
        self,
        names: SamplerNames,
        *,
        default_scheduler: Scheduler,
        prompt_syntax: PromptSyntax,
        models: Mapping[str, str],
        limit: int,
        draw: Callable[[int], int] = randbelow,
    ) -> None:
        """Take the names of what is there, and how many jobs are admitted at once.

        `models` says which model each name means.
        """
        self._names = names
        self._default_scheduler = default_scheduler
        self._prompt_syntax = prompt_syntax
        self._models = models
        self._limit = limit
        self._draw = draw

    def translate(self, request: Txt2ImgRequest) -> list[GenerationRequest]:
        """Give the request of each picture.

        Raises:
            InvalidRequest: Fields do not go together, or name what is not here.
        """
        complaints = {
            **self._of_prompts(request),
            **self._of_count(request),
            **self._of_sampler(request),
            **self._of_settings(request),
        }
        if complaints:
            raise InvalidRequest.of(complaints)
        fields = {ours: getattr(request, theirs) for theirs, ours in _OURS.items()}
        given = {name: value for name, value in fields.items() if value is not None}
        tagged = read_tags(request.prompt)
        if tagged.loras:
            given["loras"] = tagged.loras
        generation = GenerationRequest.model_validate(
            {
                **given,
                "prompt": tagged.words,
                "negative_prompt": request.negative_prompt or None,
                "seed": self._seed_of(request),
                "scheduler": self._scheduler_of(request),
                **self._model_of(request),
            }
        )
        return repeated(generation, request.count)

    def _model_of(self, request: Txt2ImgRequest) -> dict[str, str]:
        name = (request.override_settings or {}).get("sd_model_checkpoint")
        return {"model": self._models[name]} if isinstance(name, str) and name else {}

    def _seed_of(self, request: Txt2ImgRequest) -> int:
        if request.seed is not None and request.seed != RANDOM_SEED:
            return request.seed
        return self._draw(HIGHEST_SEED - request.count + 2)

    def _scheduler_of(self, request: Txt2ImgRequest) -> Scheduler | None:
        return self._names.find(request.sampler) if request.sampler else self._default_scheduler

    def _of_prompts(self, request: Txt2ImgRequest) -> Complaints:
        if self._prompt_syntax is PromptSyntax.A1111:
            return {}
        prompts = {"prompt": request.prompt, "negative_prompt": request.negative_prompt or ""}
        message = "weights such as (word:1.2) are not understood here"
        return {field: message for field, text in prompts.items() if _WEIGHT.search(text)}

    def _of_count(self, request: Txt2ImgRequest) -> Complaints:
        complaints = {}
        most = min(MAX_PICTURES, self._limit)
        if request.count > most:
            complaints["n_iter"] = f"times batch_size it must be {most} pictures or fewer"
        if (request.seed or 0) + request.count - 1 > HIGHEST_SEED:
            complaints["seed"] = f"that of the last picture would be above {HIGHEST_SEED}"
        return complaints

    def _of_sampler(self, request: Txt2ImgRequest) -> Complaints:
        scheduler = self._scheduler_of(request)
        if scheduler is None:
            field = "sampler_name" if request.sampler_name else "sampler_index"
            there = ", ".join(entry.a1111 for entry in SCHEDULERS)
            return {field: f"{request.sampler!r} is not here, but these are: {there}"}
        complaints = {}
        if not self._names.is_schedule(request.scheduler, scheduler):
            there = " and ".join(schedule.label for schedule in self._names.schedules(scheduler))
            complaints["scheduler"] = f"the sampler has {there}, but no {request.scheduler!r}"
        entry = entry_of(scheduler)
        if entry.eta is not None and request.eta not in {None, entry.eta}:
            complaints["eta"] = f"with {entry.a1111} it is {entry.eta:g}"
        return complaints

    def _of_settings(self, request: Txt2ImgRequest) -> Complaints:
        for name, value in (request.override_settings or {}).items():
            if not self._is_so(name, value):
                return {"override_settings": f"{name} cannot be {value!r} here"}
        return {}

    def _is_so(self, name: str, value: JsonValue) -> bool:
        match name:
            case "sd_model_checkpoint":
                return value in (None, "", *self._models)
            case "sd_vae":
                return value in (None, "", "Automatic", "None")
            case "CLIP_stop_at_last_layers":
                return value == _FIRST_CLIP_SKIP
            case _:
                return False
