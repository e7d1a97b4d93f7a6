"""Which models paint now, and the names under which a client may ask for them."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from api.errors import ModelNotFound
from shared.errors import ModelNotLoaded
from shared.generation import Build
from shared.worker_registry import Heartbeat, WorkerRegistry, WorkerState, names_of, why_no_picture

_ALSO_CALLED = {
    "stable-diffusion-v1-5/stable-diffusion-v1-5": (
        "stable-diffusion-1.5",
        "runwayml/stable-diffusion-v1-5",
    ),
}


class LiveModel(BaseModel):
    """A model that a request can name."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    name: str

    default: bool
    """It paints where a request names none."""

    warm: bool
    """A worker has it loaded now; otherwise the first picture waits for that."""

    build: Build | None
    """What it paints with; null until it was loaded once."""

    workers: list[str]
    """Those that serve it, without the names of their hosts."""


class LiveModels:
    """Knows the models from the heartbeats of their workers; may raise `RedisError`."""

    def __init__(self, workers: WorkerRegistry, aliases: Sequence[str]) -> None:
        """Take the workers, and what the operator lets clients call the default model."""
        self._workers = workers
        self._aliases = aliases

    def all(self) -> list[LiveModel]:
        """Give the models of the workers that are ready, the default first."""
        ready = [beat for beat in self._workers.alive() if beat.state is WorkerState.READY]
        names = names_of(ready)
        return [_model(name, ready, is_default=name == names[0]) for name in names]

    def names(self) -> list[str]:
        """Give every name that a client may ask for."""
        return list(self.meanings())

    def require(self, name: str | None) -> str | None:
        """Give the model that a client calls so; None where it calls for none.

        Raises:
            ModelNotFound: Only others paint.
            ModelNotLoaded: None does.
        """
        if name is None:
            return None
        meant = self.meanings()
        if not meant:
            raise ModelNotLoaded(why_no_picture(self._workers.alive()))
        if name not in meant:
            raise ModelNotFound(name, list(meant))
        return meant[name]

    def meanings(self) -> dict[str, str]:
        """Give every name that a client may ask for, and which model it means."""
        models = self.all()
        if not models:
            return {}
        also = {
            name: model.name
            for model in models
            for name in _ALSO_CALLED.get(model.build.model if model.build else model.name, ())
        }
        default = dict.fromkeys(self._aliases, models[0].name)
        own = {model.name: model.name for model in models}
        return {**own, **also, **default, **own}  # No alias hides a model's own name.


def _model(name: str, ready: Sequence[Heartbeat], *, is_default: bool) -> LiveModel:
    serving = [beat for beat in ready if name in beat.names]
    served = [model for beat in serving for model in beat.served if model.name == name]
    return LiveModel(
        name=name,
        default=is_default,
        warm=any(model.warm for model in served),
        build=next((model.build for model in served if model.build), None),
        workers=[beat.worker.partition("@")[0] for beat in serving],
    )
