"""What a client leaves out of its request, and what no live worker would paint."""

from collections.abc import Callable, Collection, Sequence
from secrets import randbelow

from api.inputs.references import References
from api.live_loras import LiveLoras
from shared.errors import ModelNotLoaded, ModelUnknown
from shared.generation import GenerationDefaults, GenerationRequest
from shared.worker_registry import Heartbeat, names_of, why_no_picture

PromptCheck = Callable[[GenerationRequest, Sequence[Heartbeat]], None]
"""Raises where no live worker would read a prompt."""

_SEEDS = 2**32


class RequestCompleter:
    """Completes a request before it becomes a job, or refuses it; may raise `RedisError`."""

    def __init__(
        self,
        *,
        inputs: References,
        loras: LiveLoras,
        defaults: GenerationDefaults,
        check_prompts: PromptCheck,
        models: Collection[str] = (),
    ) -> None:
        """Take the parts; `models` are the names that the settings give to models."""
        self._inputs = inputs
        self._loras = loras
        self._defaults = defaults
        self._check_prompts = check_prompts
        self._models = models

    def complete(
        self,
        request: GenerationRequest,
        owner: str,
        alive: list[Heartbeat],
        *,
        seed: int | None = None,
    ) -> GenerationRequest:
        """Fill in the defaults, the model, and `seed` or a drawn one, for the workers that live.

        Raises:
            LoraUnknown: It names one that is not there.
            InvalidRequest: A prompt is too long, and the policy refuses those.
            InputRefused: A picture to begin with is not there, or not any more.
            ModelNotLoaded: No worker lives that paints it or will.
            ModelUnknown: There is no such model.
        """
        # A worker that still loads its model will come to the job.
        if not alive:
            raise ModelNotLoaded(why_no_picture(alive))
        self._loras.require(request.loras)
        # Drawn here and not by the worker, so that a second attempt paints the same picture.
        drawn = randbelow(_SEEDS) if seed is None else seed
        model = self._model_for(request.model, alive)
        defaults = self._inputs.check(request, owner, self._defaults)
        complete = request.filled(defaults, seed=drawn, model=model)
        self._check_prompts(complete, alive)
        return complete

    def keep_pictures(self, request: GenerationRequest, owner: str) -> None:
        """Keep what an admitted request begins with until its job has ended."""
        self._inputs.keep(request, owner)

    def _model_for(self, wanted: str | None, alive: Sequence[Heartbeat]) -> str | None:
        names = names_of(alive)
        if not names or wanted in names:
            return wanted
        if wanted is None:
            return names[0]
        if wanted in self._models:
            reason = f"no worker that serves the model {wanted!r} is running"
            raise ModelNotLoaded(reason)
        raise ModelUnknown(wanted, names)
