"""When a compiled U-Net is used, seen by a compiler that counts and changes nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
import torch
from torch._dynamo.exc import BackendCompilerFailed

from shared.generation import GenerationRequest
from shared.settings import Settings, Size
from tests.pipeline.conftest import small_request
from tests.support.tiny_models import tiny_model
from worker.compilation import Compilation
from worker.devices import is_channels_last
from worker.loading import load_pipeline
from worker.lora_folder import LoraFolder
from worker.lora_weights import LoraCache
from worker.loras import LoraShelf
from worker.painting import Lane, Painting
from worker.pipeline import DiffusersPipeline

SIZE = Size(256, 256)


@dataclass
class Counts:
    """What was compiled, and how often that was run."""

    compiled: int = 0
    runs: int = 0

    def compile(
        self, graph: torch.fx.GraphModule, _inputs: list[torch.Tensor]
    ) -> Callable[..., object]:
        self.compiled += 1

        def run(*arguments: object) -> object:
            self.runs += 1
            return graph.forward(*arguments)

        return run


@pytest.fixture(scope="module")
def counts() -> Counts:
    return Counts()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> DiffusersPipeline:
    return load_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def eager(plain: DiffusersPipeline) -> dict[str, bytes]:
    """What the model paints before it is compiled."""
    return {name: pixels(plain, request) for name, request in REQUESTS.items()}


@pytest.fixture(scope="module")
def compiled(
    plain: DiffusersPipeline,
    eager: dict[str, bytes],
    counts: Counts,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[DiffusersPipeline]:
    loras = tmp_path_factory.mktemp("loras")
    pipeline = with_compiler(plain, counts.compile, loras=loras, largest_batch=3)
    pipeline.warm_up()
    yield pipeline
    torch.compiler.reset()


REQUESTS = {
    "usual": small_request(),
    "euler": small_request(scheduler="euler"),
    "another size": small_request(width=264),
    "a long prompt": small_request(prompt="cat " * 100),
    "unguided": small_request(guidance_scale=1.0),
}


def pixels(pipeline: DiffusersPipeline, request: GenerationRequest) -> bytes:
    return pipeline.generate(request, lambda *_: None).image.tobytes()


def with_compiler(
    plain: DiffusersPipeline, backend: Callable[..., object], *, loras: Path, largest_batch: int = 1
) -> DiffusersPipeline:
    """Have a pipeline's own model compiled, and give what paints with it."""
    compilation = Compilation("default", (SIZE,), largest_batch=largest_batch, backend=backend)
    model = plain._model  # noqa: SLF001  # The same weights.
    compilation.apply(model.pipeline.unet)
    shelf = LoraShelf(LoraFolder(loras), LoraCache())
    return DiffusersPipeline(model, loras=shelf, on_again=lambda _: None, compilation=compilation)


def load_tiny(folder: Path) -> DiffusersPipeline:
    model = tiny_model(folder, channels=16)
    return load_pipeline(Settings(device="cpu", model_id=str(model), _env_file=None))


def test_that_fails_ends_the_loading(tmp_path: Path) -> None:
    def fail(*_: object) -> NoReturn:
        message = "no compiler"
        raise OSError(message)

    # Of a model of its own, which nothing paints with afterwards.
    pipeline = with_compiler(load_tiny(tmp_path / "tiny"), fail, loras=tmp_path)
    with pytest.raises(BackendCompilerFailed, match="no compiler"):
        pipeline.warm_up()


class TestJob:
    @pytest.mark.parametrize("name", REQUESTS)
    def test_is_painted_without_compiling_anything(
        self, compiled: DiffusersPipeline, eager: dict[str, bytes], counts: Counts, name: str
    ) -> None:
        before = counts.compiled
        assert before > 0
        assert pixels(compiled, REQUESTS[name]) == eager[name]
        assert counts.compiled == before

    @pytest.mark.parametrize(
        ("name", "expected"),
        [("usual", True), ("euler", True), ("another size", False), ("a long prompt", False)],
    )
    def test_runs_what_was_compiled_while_the_model_was_loaded(
        self, compiled: DiffusersPipeline, counts: Counts, name: str, *, expected: bool
    ) -> None:
        before = counts.runs
        pixels(compiled, REQUESTS[name])
        assert (counts.runs > before) is expected


class TestBatch:
    @pytest.mark.parametrize(("size", "expected"), [(2, False), (3, True)])
    def test_runs_what_was_compiled_for_the_largest(
        self, compiled: DiffusersPipeline, counts: Counts, size: int, *, expected: bool
    ) -> None:
        before = Counts(counts.compiled, counts.runs)
        outcomes = compiled.generate_batch([Lane(small_request(), lambda *_: None)] * size)
        assert [type(outcome) for outcome in outcomes] == [Painting] * size
        assert counts.compiled == before.compiled
        assert (counts.runs > before.runs) is expected


class TestDescription:
    def test_is_none_where_it_is_off(self) -> None:
        assert Compilation.of(Settings(_env_file=None)).described is None

    def test_names_the_sizes_in_order(self) -> None:
        shapes = "768x512, 512X512"
        settings = Settings(compile="max-autotune", compile_shapes=shapes, _env_file=None)
        assert Compilation.of(settings).described == "max-autotune 512x512,768x512"

    def test_has_the_default_size_where_none_is_named(self) -> None:
        settings = Settings(compile="default", default_width=320, _env_file=None)
        assert Compilation.of(settings).described == "default 320x512"

    def test_names_the_largest_batch_where_there_are_batches(self) -> None:
        settings = Settings(compile="default", max_batch_size=4, _env_file=None)
        assert Compilation.of(settings).described == "default 512x512 batch 4"


class TestChannelsLast:
    @pytest.mark.parametrize(
        ("wanted", "device", "dtype", "expected"),
        [
            ("auto", "cuda", torch.float16, True),
            ("auto", "cuda", torch.float32, False),
            ("auto", "cpu", torch.bfloat16, False),
            ("on", "cpu", torch.float32, True),
            ("off", "cuda", torch.float16, False),
        ],
    )
    def test_is_chosen_by_the_device_unless_it_is_set(
        self, wanted: str, device: str, dtype: torch.dtype, *, expected: bool
    ) -> None:
        assert is_channels_last(wanted, device, dtype) is expected

    def test_is_part_of_the_build(self, tmp_path: Path) -> None:
        folder = tiny_model(tmp_path / "tiny", channels=16)
        settings = Settings(device="cpu", model_id=str(folder), channels_last="on", _env_file=None)
        pipeline = load_pipeline(settings)
        weight = pipeline._model.pipeline.unet.conv_in.weight  # noqa: SLF001  # How it lies there.
        assert weight.is_contiguous(memory_format=torch.channels_last)
        assert pipeline.build.channels_last
