"""What the pipeline does when the device fails it; faults come in by hooks on its modules."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from shared.job_parts import FailureType
from tests.pipeline.conftest import FailingTimes, Paint, small_request
from worker.lease import Canceled
from worker.metrics import Again
from worker.painting import DeviceLost, PaintingFailed
from worker.pipeline import DiffusersPipeline


@contextmanager
def hooked(module: torch.nn.Module, fault: FailingTimes) -> Iterator[FailingTimes]:
    handle = module.register_forward_hook(fault)
    try:
        yield fault
    finally:
        handle.remove()


def unet(pipeline: DiffusersPipeline) -> torch.nn.Module:
    module: torch.nn.Module = pipeline._model.pipeline.unet  # noqa: SLF001  # Where the faults come in.
    return module


def decoder(pipeline: DiffusersPipeline) -> torch.nn.Module:
    module: torch.nn.Module = pipeline._model.pipeline.vae.decoder  # noqa: SLF001
    return module


class TestOutOfMemory:
    def test_is_survived_once_with_the_same_picture(
        self, pipeline: DiffusersPipeline, paint: Paint, second_tries: list[Again]
    ) -> None:
        undisturbed = paint()
        with hooked(unet(pipeline), FailingTimes(1, torch.OutOfMemoryError("full"))) as fault:
            assert paint() == undisturbed
        assert fault.left == 0
        assert second_tries == [Again.OUT_OF_MEMORY]

    def test_fails_the_job_when_it_comes_again_and_spares_the_next(
        self, pipeline: DiffusersPipeline, paint: Paint
    ) -> None:
        undisturbed = paint()
        with (
            hooked(unet(pipeline), FailingTimes(2, torch.OutOfMemoryError("full"))),
            pytest.raises(PaintingFailed) as failed,
        ):
            paint()
        assert failed.value.failure.type is FailureType.GPU_OUT_OF_MEMORY
        assert paint() == undisturbed


class TestNotANumber:
    def test_in_the_decoder_once_is_decoded_again(
        self, pipeline: DiffusersPipeline, paint: Paint, second_tries: list[Again]
    ) -> None:
        undisturbed = paint()
        assert second_tries == []
        with hooked(decoder(pipeline), FailingTimes(1)):
            assert paint() == undisturbed
        assert second_tries == [Again.NOT_FINITE]

    def test_in_the_decoder_twice_fails_the_job(
        self, pipeline: DiffusersPipeline, paint: Paint
    ) -> None:
        with hooked(decoder(pipeline), FailingTimes(2)), pytest.raises(PaintingFailed) as failed:
            paint()
        assert failed.value.failure.type is FailureType.NAN_OUTPUT

    def test_in_the_latents_fails_the_job_and_never_paints_black(
        self, pipeline: DiffusersPipeline, paint: Paint
    ) -> None:
        undisturbed = paint()
        # The last block's output: the model's own is not a tensor.
        last = pipeline._model.pipeline.unet.conv_out  # noqa: SLF001
        with hooked(last, FailingTimes(5)), pytest.raises(PaintingFailed) as failed:
            paint()
        assert failed.value.failure.type is FailureType.NAN_OUTPUT
        assert paint() == undisturbed

    def test_retry_leaves_the_decoder_in_its_dtype(
        self, pipeline: DiffusersPipeline, paint: Paint
    ) -> None:
        before = {name: weight.clone() for name, weight in decoder(pipeline).named_parameters()}
        with hooked(decoder(pipeline), FailingTimes(1)):
            paint()
        for name, weight in decoder(pipeline).named_parameters():
            assert torch.equal(weight, before[name])


class TestBrokenDevice:
    def test_is_told_so_that_the_process_is_replaced(
        self, pipeline: DiffusersPipeline, paint: Paint
    ) -> None:
        broken = torch.AcceleratorError("device-side assert triggered")
        with hooked(unet(pipeline), FailingTimes(1, broken)), pytest.raises(DeviceLost):
            paint()


class TestInterruption:
    def test_unwinds_at_the_step_and_leaves_the_next_picture_as_it_was(
        self, pipeline: DiffusersPipeline, paint: Paint
    ) -> None:
        undisturbed = paint()
        steps: list[int] = []

        def stop_at_three(step: int, preview: object = None) -> None:
            steps.append(step)
            if step == 3:
                raise Canceled

        for scheduler in ("dpmsolver++", "euler_ancestral"):
            steps.clear()
            with pytest.raises(Canceled):
                pipeline.generate(small_request(scheduler=scheduler), stop_at_three)
            assert steps == [1, 2, 3]
        assert paint() == undisturbed


class TestSteps:
    @pytest.mark.parametrize("scheduler", ["dpmsolver++", "euler_ancestral"])
    def test_are_each_told_once_in_order(self, pipeline: DiffusersPipeline, scheduler: str) -> None:
        steps: list[int] = []
        request = small_request(scheduler=scheduler, num_inference_steps=9)
        pipeline.generate(request, lambda step, _=None: steps.append(step))
        assert steps == list(range(1, 10))
