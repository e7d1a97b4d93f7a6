"""What a picture takes of the device: a guard against what creeps in unseen."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import pairwise
from types import MappingProxyType

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from shared.generation import Scheduler
from tests.pipeline.conftest import small_request
from worker.painting import Lane
from worker.pipeline import DiffusersPipeline

STEPS = 8
PASSES = MappingProxyType({Scheduler.HEUN: 2 * STEPS - 1})
"""Of the U-Net, where it is not one a step."""

READS = MappingProxyType(
    {Scheduler.DDIM: 6, Scheduler.LCM: 3, Scheduler.EULER: 2, Scheduler.LMS: 24}
)
"""Numbers that diffusers' own samplers read in a step, where they do: of Euler and LMS from sigmas
that lie on the CPU in any case."""

_ATEN = torch.ops.aten
_READING = frozenset(
    {
        _ATEN.item.default,
        _ATEN._local_scalar_dense.default,  # noqa: SLF001
        _ATEN.is_nonzero.default,
        _ATEN.nonzero.default,
        _ATEN.equal.default,
    }
)


class CountedReads(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the numbers that Python reads out of tensors: for each of them a GPU is waited for."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(  # As torch calls it.
        self,
        func: Callable[..., object],
        _types: object,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        self.count += func in _READING
        return func(*args, **(kwargs or {}))


@pytest.fixture
def calls(pipeline: DiffusersPipeline) -> Iterator[Counter[str]]:
    """Count the calls of each of the model's parts, with no prompt read before."""
    pipeline._texts.clear()  # noqa: SLF001
    model, counted = pipeline._model.pipeline, Counter[str]()  # noqa: SLF001
    parts = {
        "text encoder": model.text_encoder,
        "U-Net": model.unet.conv_out,
        "decoder": model.vae.decoder,
        "encoder": model.vae.encoder,
    }
    with ExitStack() as stack:
        for name, part in parts.items():
            handle = part.register_forward_hook(lambda *_, name=name: counted.update([name]))
            stack.callback(handle.remove)
        yield counted


@pytest.mark.parametrize("scheduler", list(Scheduler))
def test_each_part_runs_as_often_as_it_has_to(
    pipeline: DiffusersPipeline, calls: Counter[str], scheduler: Scheduler
) -> None:
    request = small_request(num_inference_steps=STEPS, scheduler=scheduler)
    pipeline.generate(request, lambda *_: None)
    passes = PASSES.get(scheduler, STEPS)
    assert calls == {"text encoder": 2, "U-Net": passes, "decoder": 1}


def test_a_prompt_that_comes_again_is_not_encoded_again(
    pipeline: DiffusersPipeline, calls: Counter[str]
) -> None:
    for seed in range(3):
        pipeline.generate(small_request(seed=seed), lambda *_: None)
    assert calls["text encoder"] == 2


def test_a_batch_runs_the_model_as_often_as_one_picture(
    pipeline: DiffusersPipeline, calls: Counter[str]
) -> None:
    lanes = [
        Lane(small_request(seed=seed, num_inference_steps=STEPS), lambda *_: None)
        for seed in range(4)
    ]
    pipeline.generate_batch(lanes)
    assert calls == {"text encoder": 2, "U-Net": STEPS, "decoder": 4}


@pytest.mark.parametrize("scheduler", list(Scheduler))
def test_no_step_reads_a_number_but_where_diffusers_does(
    pipeline: DiffusersPipeline, scheduler: Scheduler
) -> None:
    reads, at = CountedReads(), list[int]()
    request = small_request(num_inference_steps=STEPS, scheduler=scheduler)
    with reads:
        pipeline.generate(request, lambda *_: at.append(reads.count))
    each = [after - before for before, after in pairwise(at)]
    assert max(each) <= READS.get(scheduler, 0)
