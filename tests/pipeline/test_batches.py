"""Several pictures in one call of the pipeline: each is its own, in its noise and in its end."""

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import torch
from PIL import Image

from shared.generation import Scheduler
from shared.job_parts import FailureType
from shared.settings import Settings
from tests.pipeline.conftest import FailingTimes, small_request
from tests.support.loras import write_diffusers_lora
from worker.inputs import Inputs
from worker.lease import Canceled
from worker.loading import load_pipeline
from worker.painting import DeviceLost, Lane, Outcome, Painting, PaintingFailed
from worker.pipeline import DiffusersPipeline

REFERENCE = "sha256:" + "0" * 64
LIMIT = 2
"""Grey levels that a pixel may be off, beside others: docs/reproducibility.md has it measured."""

OTHERS = MappingProxyType({"prompt": "a green star", "negative_prompt": "sea", "seed": 8})


def lane(**fields: object) -> Lane:
    return Lane(small_request(**fields), lambda *_: None)


def lanes() -> list[Lane]:
    return [lane(), lane(**OTHERS), lane(prompt="a yellow house", seed=9)]


def images(outcomes: list[Outcome]) -> list[Image.Image]:
    assert all(isinstance(outcome, Painting) for outcome in outcomes), outcomes
    return [outcome.image for outcome in outcomes if isinstance(outcome, Painting)]


def difference(one: Image.Image, other: Image.Image) -> int:
    apart = np.asarray(one, np.int16) - np.asarray(other, np.int16)
    return int(np.abs(apart).max())


@contextmanager
def hooked(
    module: torch.nn.Module, hook: Callable[[object, object, object], object]
) -> Iterator[None]:
    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def counted(pipeline: DiffusersPipeline) -> Iterator[list[int]]:
    """Keep how many pictures, guided ones twice, each run of the U-Net has had."""
    runs: list[int] = []

    def count(_module: object, _inputs: object, output: object) -> None:
        assert isinstance(output, torch.Tensor)
        runs.append(len(output))

    with hooked(pipeline._model.pipeline.unet.conv_out, count):  # noqa: SLF001  # Where it ends.
        yield runs


class TestPictures:
    @pytest.mark.parametrize("scheduler", list(Scheduler))
    def test_are_nearly_those_of_each_alone(
        self, pipeline: DiffusersPipeline, scheduler: Scheduler
    ) -> None:
        together = [lane(scheduler=scheduler), lane(**OTHERS, scheduler=scheduler)]
        alone = [pipeline.generate(one.request, one.on_step).image for one in together]
        beside = images(pipeline.generate_batch(together))
        assert max(map(difference, alone, beside)) <= LIMIT
        assert difference(*beside) > 10 * LIMIT

    def test_go_through_the_model_at_once(self, pipeline: DiffusersPipeline) -> None:
        with counted(pipeline) as runs:
            outcomes = pipeline.generate_batch(lanes())
        assert runs == [2 * 3] * 5
        sizes = [outcome.batch_size for outcome in outcomes if isinstance(outcome, Painting)]
        assert sizes == [3, 3, 3]

    def test_without_guidance_are_too(self, pipeline: DiffusersPipeline) -> None:
        with counted(pipeline) as runs:
            pipeline.generate_batch([lane(guidance_scale=1.0), lane(**OTHERS, guidance_scale=1.0)])
        assert runs == [2] * 5

    def test_of_the_same_batch_are_the_same_again(self, pipeline: DiffusersPipeline) -> None:
        first, second = (images(pipeline.generate_batch(lanes())) for _ in range(2))
        assert first == second

    def test_leave_the_next_one_alone_as_it_was(self, pipeline: DiffusersPipeline) -> None:
        before = pipeline.generate(small_request(), lambda *_: None).image
        pipeline.generate_batch(lanes())
        assert pipeline.generate(small_request(), lambda *_: None).image == before

    def test_tell_of_each_of_its_own_prompts(self, pipeline: DiffusersPipeline) -> None:
        outcomes = pipeline.generate_batch(lanes())
        tokens = [
            one.account.negative_prompt_tokens for one in outcomes if isinstance(one, Painting)
        ]
        assert tokens[0] == tokens[2] == 0 < tokens[1]

    def test_have_previews_of_their_own(self, pipeline: DiffusersPipeline) -> None:
        seen: dict[str, Image.Image] = {}

        def shown(name: str) -> Callable[..., None]:
            def look(step: int, preview: Callable[[], Image.Image] | None = None) -> None:
                assert preview is not None
                if step == 3:
                    seen[name] = preview()

            return look

        fields: dict[str, dict[str, object]] = {"one": {}, "other": dict(OTHERS)}
        together = [Lane(small_request(**fields[name]), shown(name)) for name in fields]
        pipeline.generate_batch(together)
        beside, seen = seen, {}
        for each in together:
            pipeline.generate(each.request, each.on_step)
        assert all(difference(beside[name], seen[name]) <= LIMIT for name in fields)
        assert difference(beside["one"], beside["other"]) > 10 * LIMIT


class TestEnds:
    def test_of_one_is_not_that_of_the_others(self, pipeline: DiffusersPipeline) -> None:
        steps: list[int] = []

        def stop_at_second(step: int, preview: Callable[[], Image.Image] | None = None) -> None:
            del preview
            steps.append(step)
            if step == 2:
                raise Canceled

        undisturbed = images(pipeline.generate_batch(lanes()))
        together = lanes()
        together[1] = replace(together[1], on_step=stop_at_second)
        first, second, third = pipeline.generate_batch(together)
        assert isinstance(second, Canceled)
        assert steps == [1, 2]
        assert images([first, third]) == [undisturbed[0], undisturbed[2]]

    def test_of_all_is_that_of_the_painting(self, pipeline: DiffusersPipeline) -> None:
        def stop_at(last: int) -> Callable[..., None]:
            def stop(step: int, *_: object) -> None:
                if step == last:
                    raise Canceled

            return stop

        together = [Lane(one.request, stop_at(last)) for last, one in enumerate(lanes(), start=1)]
        with counted(pipeline) as runs:
            outcomes = pipeline.generate_batch(together)
        assert [type(outcome) for outcome in outcomes] == [Canceled] * 3
        assert len(runs) == 3


class TestFailure:
    def test_of_one_picture_is_its_own(self, pipeline: DiffusersPipeline) -> None:
        undisturbed = images(pipeline.generate_batch(lanes()))
        decoder = pipeline._model.pipeline.vae.decoder  # noqa: SLF001  # Where it fails.
        with hooked(decoder, FailingTimes(2)):  # Of the first picture, also in float32.
            first, *others = pipeline.generate_batch(lanes())
        assert isinstance(first, PaintingFailed)
        assert first.failure.type is FailureType.NAN_OUTPUT
        assert images(others) == undisturbed[1:]

    def test_of_memory_has_halves_painted(self, pipeline: DiffusersPipeline) -> None:
        full = FailingTimes(1, torch.OutOfMemoryError("full"))
        together = [*lanes(), lane(seed=10)]
        with hooked(pipeline._model.pipeline.unet.conv_out, full):  # noqa: SLF001
            outcomes = pipeline.generate_batch(together)
        assert images(outcomes) == images(
            pipeline.generate_batch(together[:2]) + pipeline.generate_batch(together[2:])
        )
        assert {one.batch_size for one in outcomes if isinstance(one, Painting)} == {2}

    def test_that_nobody_foresaw_ends_only_the_one_that_it_is_of(
        self, pipeline: DiffusersPipeline
    ) -> None:
        poison = small_request(prompt="poison")
        broken = ValueError("no such prompt")

        def fail(_module: object, inputs: object, output: object) -> object:
            assert isinstance(inputs, tuple)
            read = pipeline._model.reader.read("poison").chunks[0]  # noqa: SLF001
            if inputs and [token.id for token in read] == inputs[0][0, 1 : 1 + len(read)].tolist():
                raise broken
            return output

        encoder = pipeline._model.pipeline.text_encoder  # noqa: SLF001
        pipeline._texts.clear()  # noqa: SLF001  # Else it may not be asked.
        with hooked(encoder, fail):
            outcomes = pipeline.generate_batch(
                [lane(), Lane(poison, lambda *_: None), lane(seed=8)]
            )
        assert outcomes[1] is broken
        assert len(images([outcomes[0], outcomes[2]])) == 2

    def test_of_one_keeps_no_memory_from_the_others(self, pipeline: DiffusersPipeline) -> None:
        held: list[weakref.ref[torch.Tensor]] = []
        was_freed: list[bool] = []

        def fail(_module: object, _inputs: object, output: object) -> None:
            assert isinstance(output, torch.Tensor)
            activations = output.clone()
            if len(output) > 2 or not held:  # Of both, guided; then of the first alone.
                held[:] = [weakref.ref(activations)] if len(output) == 2 else []
                message = "a bug of the model"
                raise ValueError(message)
            was_freed.append(held[0]() is None)

        with hooked(pipeline._model.pipeline.unet.conv_out, fail):  # noqa: SLF001
            first, second = pipeline.generate_batch([lane(), lane(seed=8)])
        assert isinstance(first, ValueError)
        assert isinstance(second, Painting)
        assert all(was_freed)

    def test_of_the_device_is_everybodys(self, pipeline: DiffusersPipeline) -> None:
        broken = FailingTimes(1, torch.AcceleratorError("device-side assert"))
        with (
            hooked(pipeline._model.pipeline.unet.conv_out, broken),  # noqa: SLF001
            pytest.raises(DeviceLost),
        ):
            pipeline.generate_batch(lanes())


class TestKey:
    @pytest.mark.parametrize(
        "fields",
        [
            OTHERS,
            {"embed_metadata": False},
            {"prompt": "a cat " * 20, "negative_prompt": "a dog " * 30},
        ],
    )
    def test_is_equal_where_only_prompts_and_seeds_differ(
        self, pipeline: DiffusersPipeline, fields: dict[str, object]
    ) -> None:
        assert pipeline.batch_key(small_request(**fields)) == pipeline.batch_key(small_request())

    @pytest.mark.parametrize(
        "fields",
        [
            {"width": 264},
            {"height": 264},
            {"num_inference_steps": 6},
            {"scheduler": "euler"},
            {"guidance_scale": 6.5},
            {"prompt": "a cat " * 80},
            {"negative_prompt": "a cat " * 80},
            {"loras": [{"name": "stripes", "weight": 0.5}]},
        ],
    )
    def test_differs_with_what_the_model_needs_equal(
        self, pipeline: DiffusersPipeline, fields: dict[str, object]
    ) -> None:
        assert pipeline.batch_key(small_request(**fields)) != pipeline.batch_key(small_request())

    def test_is_none_for_what_begins_with_a_picture(self, pipeline: DiffusersPipeline) -> None:
        request = small_request(init_image=REFERENCE, strength=0.5)
        assert pipeline.batch_key(request) is None


class TestLoras:
    def test_are_those_of_all_pictures_of_a_batch(self, tmp_path: Path) -> None:
        settings = Settings(device="cpu", lora_dir=tmp_path, _env_file=None)
        pipeline = load_pipeline(settings)
        write_diffusers_lora(tmp_path / "stripes.safetensors")
        uses = {"loras": [{"name": "stripes", "weight": 0.7}]}
        together = [lane(**uses), lane(**OTHERS, **uses)]
        alone = [pipeline.generate(one.request, one.on_step).image for one in together]
        beside = images(pipeline.generate_batch(together))
        assert max(map(difference, alone, beside)) <= LIMIT
        plain = pipeline.generate(small_request(), lambda *_: None).image
        assert difference(plain, beside[0]) > LIMIT


def test_one_is_painted_on_its_picture(pipeline: DiffusersPipeline) -> None:
    gone = Lane(
        small_request(init_image=REFERENCE, strength=0.5), lambda *_: None, Inputs(b"no picture")
    )
    (outcome,) = pipeline.generate_batch([gone])
    assert isinstance(outcome, Exception)
