"""Which models are loaded, when, and which leave."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.job_parts import FailureType
from tests.support.builders import BUILD, make_request
from tests.support.pipelines import PaintsFlat, RaisesAfterAStep
from worker.model_shelf import DeviceFull, ModelShelf
from worker.model_source import ModelSource, ModelUnavailable, NamedModel
from worker.painting import PaintingFailed, SingleModel

MODELS = [
    NamedModel(name, ModelSource(name, Path(name)), f"MODELS={name}={name}") for name in "abc"
]


class Loads:
    """Loads flat models, as many at once as the device has room for."""

    def __init__(self, room: int = 10) -> None:
        self.room = room
        self.events: list[str] = []
        self.broken: set[str] = set()
        self.paints: dict[str, SingleModel] = {}
        self._on_device = 0

    def __call__(self, model: NamedModel) -> SingleModel:
        if model.name in self.broken:
            message = f"{model.setting}: cannot be loaded; set MODELS to another"
            raise ModelUnavailable(message)
        if self._on_device >= self.room:
            raise DeviceFull
        self._on_device += 1
        self.events.append(f"load {model.name}")
        build = BUILD.model_copy(update={"model": model.name})
        return self.paints.get(model.name, PaintsFlat(build=build))

    def free(self) -> None:
        self._on_device = max(self._on_device - 1, 0)


def make_shelf(loads: Loads, *, limit: int = 2) -> ModelShelf:
    return ModelShelf(MODELS, loads, limit=limit)


def paint(shelf: ModelShelf, model: str | None) -> list[int]:
    steps: list[int] = []
    shelf.generate(make_request(model=model), lambda step, _=None: steps.append(step))
    return steps


def failure_of(paint_it: Callable[[], object]) -> PaintingFailed:
    with pytest.raises(PaintingFailed) as failed:
        paint_it()
    return failed.value


def warm(shelf: ModelShelf) -> set[str]:
    return {model.name for model in shelf.served if model.warm}


class TestModelShelf:
    def test_loads_a_model_once_it_is_asked_for(self) -> None:
        loads = Loads()
        shelf = make_shelf(loads)
        assert shelf.warm_up().model == "a"
        paint(shelf, "b")
        paint(shelf, "b")
        assert loads.events == ["load a", "load b"]

    def test_takes_the_first_for_the_default(self) -> None:
        loads = Loads()
        paint(make_shelf(loads), None)
        assert loads.events == ["load a"]

    def test_drops_the_one_that_was_not_used_longest(self) -> None:
        loads = Loads()
        shelf = make_shelf(loads)
        for model in "abac":
            paint(shelf, model)
        assert warm(shelf) == {"a", "c"}

    def test_makes_room_on_a_device_that_is_full(self) -> None:
        loads = Loads(room=1)
        shelf = make_shelf(loads, limit=3)
        for model in "ab":
            paint(shelf, model)
        assert warm(shelf) == {"b"}

    def test_tells_of_each_change(self) -> None:
        told: list[list[str]] = []
        shelf = ModelShelf(
            MODELS,
            Loads(),
            limit=1,
            on_change=lambda served: told.append([one.name for one in served if one.warm]),
        )
        for model in "ab":
            paint(shelf, model)
        assert told == [["a"], [], ["b"]]

    def test_says_that_the_steps_begin_after_the_load(self) -> None:
        assert paint(make_shelf(Loads()), "b")[:2] == [0, 1]

    def test_remembers_what_it_has_loaded(self) -> None:
        shelf = make_shelf(Loads(), limit=1)
        asked = make_request(model="b")
        assert (shelf.build_of(asked), shelf.load_seconds(asked)) == (None, None)
        paint(shelf, "b")
        assert shelf.load_seconds(asked) == 0
        paint(shelf, "c")
        build, seconds = shelf.build_of(asked), shelf.load_seconds(asked)
        assert build is not None
        assert seconds is not None
        assert (build.model, seconds > 0) == ("b", True)


class TestFailure:
    def test_of_a_load_is_the_jobs_and_not_the_workers(self) -> None:
        loads = Loads()
        loads.broken = {"b"}
        shelf = make_shelf(loads)
        failed = failure_of(lambda: paint(shelf, "b"))
        assert failed.failure.type is FailureType.MODEL_UNAVAILABLE
        assert failed.failure.detail == "The model 'b' cannot be loaded; the worker's log says why."
        assert paint(shelf, "a")

    def test_of_a_model_that_the_worker_does_not_serve(self) -> None:
        failed = failure_of(lambda: paint(make_shelf(Loads()), "z"))
        assert failed.failure.type is FailureType.MODEL_UNAVAILABLE

    def test_of_a_model_that_fits_on_no_device(self) -> None:
        failed = failure_of(lambda: paint(make_shelf(Loads(room=0)), "b"))
        assert failed.failure.type is FailureType.GPU_OUT_OF_MEMORY

    def test_of_the_default_at_the_start_is_told(self) -> None:
        loads = Loads(room=0)
        with pytest.raises(ModelUnavailable, match="MODELS=a=a: the device's memory"):
            make_shelf(loads).warm_up()

    def test_of_memory_while_painting_is_tried_again_without_the_other_models(self) -> None:
        loads = Loads()
        full = PaintingFailed(FailureType.GPU_OUT_OF_MEMORY, "Full.")
        loads.paints["b"] = RaisesAfterAStep(full)
        shelf = make_shelf(loads)
        paint(shelf, "a")
        steps: list[int] = []
        asked = make_request(model="b")
        failure_of(lambda: shelf.generate(asked, lambda step, _=None: steps.append(step)))
        assert (steps, warm(shelf)) == ([0, 1, 1], {"b"})
