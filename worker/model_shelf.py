"""The models of a worker: loaded when a job asks for one, and kept for the next."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Protocol

from shared.generation import Build, GenerationRequest
from shared.job_parts import FailureType
from shared.log import get_logger
from shared.worker_registry import ServedModel
from worker.inputs import NO_INPUTS, Inputs
from worker.model_source import ModelUnavailable, NamedModel
from worker.painting import (
    Lane,
    OnStep,
    Outcome,
    Painting,
    PaintingFailed,
    SingleModel,
    outcome_of,
)

_log = get_logger(__name__)


class DeviceFull(Exception):
    """The device has no room for a model beside those that are on it."""


class Loader(Protocol):
    """Loads models to a device."""

    def __call__(self, model: NamedModel) -> SingleModel:
        """Load a model.

        Raises:
            ModelUnavailable: It cannot be loaded.
            DeviceFull: It would have to be alone, or with fewer others.
        """
        ...

    def free(self) -> None:
        """Give back what models that are gone had of the device's memory."""
        ...


OnLoaded = Callable[[str, float], None]
"""Hears of a model that was loaded, and of the seconds that it took."""


class ModelShelf:
    """Keeps the models that were used last; satisfies `worker.painting.Pipeline`."""

    def __init__(
        self,
        models: Sequence[NamedModel],
        loader: Loader,
        *,
        limit: int,
        on_change: Callable[[tuple[ServedModel, ...]], None] = lambda _: None,
        on_loaded: OnLoaded = lambda *_: None,
    ) -> None:
        """Take the models, the default first.

        `limit` of them are kept at once, where the device has room for as many; `on_change` hears
        of what is warm.
        """
        self._models = {model.name: model for model in models}
        self._default = models[0].name
        self._loader = loader
        self._limit = limit
        self._on_change = on_change
        self._on_loaded = on_loaded
        self._warm: OrderedDict[str, SingleModel] = OrderedDict()
        self._builds: dict[str, Build] = {}
        self._load_seconds: dict[str, float] = {}

    def warm_up(self) -> Build:
        """Load the default.

        Raises:
            ModelUnavailable: It cannot be loaded.
        """
        try:
            return self._take(self._default).build
        except DeviceFull:
            setting = self._models[self._default].setting
            message = f"{setting}: the device's memory does not suffice; set DEVICE to another"
            raise ModelUnavailable(message) from None

    @property
    def served(self) -> tuple[ServedModel, ...]:
        """All models, and what is known of them."""
        return tuple(
            ServedModel(name=name, warm=name in self._warm, build=self._builds.get(name))
            for name in self._models
        )

    def build_of(self, request: GenerationRequest) -> Build | None:
        """What the picture of a request depends on; None before its model was loaded once."""
        return self._builds.get(request.model or self._default)

    def load_seconds(self, request: GenerationRequest) -> float | None:
        """Seconds that it takes to load the model; 0 for a warm one, None where not known."""
        name = request.model or self._default
        return 0 if name in self._warm else self._load_seconds.get(name)

    def generate(
        self, request: GenerationRequest, on_step: OnStep, inputs: Inputs = NO_INPUTS
    ) -> Painting:
        """Paint with the model of the request.

        Raises:
            PaintingFailed: There is no such model, it cannot be loaded, or it could not paint.
            DeviceLost: This process cannot use the device any more.
        """
        name = request.model or self._default
        model = self._model_for(name)
        on_step(0)  # So that a cancel is seen, and the time of a load is none of the steps'.
        try:
            return model.generate(request, on_step, inputs)
        except PaintingFailed as error:
            if not _needs_room(error) or not self._make_room(besides=name):
                raise
        return model.generate(request, on_step, inputs)

    def batch_key(self, request: GenerationRequest) -> Hashable | None:
        """Give what is equal for requests that can be one batch: of a model that is warm."""
        name = request.model or self._default
        key = self._warm[name].batch_key(request) if name in self._warm else None
        return None if key is None else (name, key)

    def generate_batch(self, lanes: Sequence[Lane]) -> list[Outcome]:
        """Paint with the model of all these requests.

        Raises:
            DeviceLost: This process cannot use the device any more.
        """
        name = lanes[0].request.model or self._default
        outcomes = self._take(name).generate_batch(lanes)
        return [
            # With the room that other models may leave.
            outcome_of(partial(self.generate, lane.request, lane.on_step, lane.inputs))
            if _needs_room(outcome)
            else outcome
            for lane, outcome in zip(lanes, outcomes, strict=True)
        ]

    def _model_for(self, name: str) -> SingleModel:
        if name not in self._models:
            detail = f"The worker does not serve the model {name!r}."
            raise PaintingFailed(FailureType.MODEL_UNAVAILABLE, detail)
        try:
            return self._take(name)
        except ModelUnavailable as error:
            _log.error("the model cannot be loaded", model=name, reason=str(error))
            detail = f"The model {name!r} cannot be loaded; the worker's log says why."
            raise PaintingFailed(FailureType.MODEL_UNAVAILABLE, detail) from None
        except DeviceFull:
            detail = f"The device's memory does not suffice for the model {name!r}."
            raise PaintingFailed(FailureType.GPU_OUT_OF_MEMORY, detail) from None

    def _take(self, name: str) -> SingleModel:
        if name not in self._warm:
            self._shelve(name)
        self._warm.move_to_end(name)
        return self._warm[name]

    def _shelve(self, name: str) -> None:
        while len(self._warm) >= self._limit:
            self._drop_oldest()
        started = time.perf_counter()
        model = self._load_with_room(name)
        self._warm[name] = model
        self._builds[name] = model.build
        self._load_seconds[name] = time.perf_counter() - started
        self._on_loaded(name, self._load_seconds[name])
        self._on_change(self.served)

    def _load_with_room(self, name: str) -> SingleModel:
        while True:
            try:
                return self._loader(self._models[name])
            except DeviceFull:
                if not self._warm:
                    raise
            self._loader.free()
            self._drop_oldest()

    def _make_room(self, *, besides: str) -> bool:
        others = [name for name in self._warm if name != besides]
        for name in others:
            self._drop(name)
        return bool(others)

    def _drop_oldest(self) -> None:
        self._drop(next(iter(self._warm)))

    def _drop(self, name: str) -> None:
        del self._warm[name]
        self._loader.free()
        _log.info("model dropped", model=name)
        self._on_change(self.served)


def _needs_room(outcome: Outcome) -> bool:
    if not isinstance(outcome, PaintingFailed):
        return False
    return outcome.failure.type is FailureType.GPU_OUT_OF_MEMORY
