"""Which models paint now, and the names under which a client may ask for them."""

from collections.abc import Sequence

from api.errors import InvalidRequest, ModelNotFound
from shared.errors import ModelNotLoaded
from shared.generation import Build
from shared.worker_registry import WorkerRegistry, why_no_picture

_ALSO_CALLED = {
    "stable-diffusion-v1-5/stable-diffusion-v1-5": (
        "stable-diffusion-1.5",
        "runwayml/stable-diffusion-v1-5",
    ),
}


class LiveModels:
    """Knows the models from the heartbeats of their workers; may raise `RedisError`."""

    def __init__(self, workers: WorkerRegistry, aliases: Sequence[str]) -> None:
        """Take the workers, and what the operator lets clients call whichever model is live."""
        self._workers = workers
        self._aliases = aliases

    def builds(self) -> list[Build]:
        """Give what paints, one for each model."""
        builds = [beat.build for beat in self._workers.alive() if beat.build]
        return list({build.model: build for build in builds}.values())

    def names(self) -> list[str]:
        """Give every name that a client may ask for."""
        return self._names_of(self.builds())

    def require(self, name: str | None) -> None:
        """Accept the name of the model that paints, or none.

        Raises:
            InvalidRequest: Several paint, so that the next free worker may have another.
            ModelNotFound: Another model paints.
            ModelNotLoaded: None does.
        """
        if name is None:
            return
        builds = self.builds()
        names = self._names_of(builds)
        if not builds:
            raise ModelNotLoaded(why_no_picture(self._workers.alive()))
        if name not in names:
            raise ModelNotFound(name, names)
        if len(builds) > 1:
            message = "the workers have several models, and one of them cannot be chosen"
            raise InvalidRequest.of({"model": message})

    def _names_of(self, builds: Sequence[Build]) -> list[str]:
        models = [build.model for build in builds]
        also = [name for model in models for name in _ALSO_CALLED.get(model, ())]
        return [*models, *also, *self._aliases] if models else []
