"""The U-Net compiled for the sizes that people use, and as it is for all else.

To compile takes a minute and more, so it is done while the model loads, and never in a job: what a
job asks for that was not compiled then runs as without.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import product

import torch
from diffusers import UNet2DConditionModel

from shared.generation import GenerationRequest, Scheduler
from shared.settings import Settings, Size

# One whose steps have whole numbers, and one whose have not: each is a U-Net of its own.
_SAMPLERS = (Scheduler.DPM_SOLVER_PP, Scheduler.EULER)
_LIMIT = 256  # Of what is compiled of one function in a process, for all models and sizes.


@dataclass(frozen=True)
class Compilation:
    """What is compiled, and when it is used."""

    mode: str = "off"
    """As `torch.compile` has it; max-autotune runs CUDA graphs too."""

    sizes: tuple[Size, ...] = ()
    largest_batch: int = 1
    """It is compiled for, beside pictures that are alone; batches between are run as without."""

    backend: str | Callable[..., object] = "inductor"

    @classmethod
    def of(cls, settings: Settings) -> "Compilation":
        """Give what the settings ask for: where they name no size, the one of the defaults."""
        usual = Size(settings.default_width, settings.default_height)
        sizes = settings.sizes_to_compile or (usual,)
        return cls(settings.compile, sizes, settings.max_batch_size)

    @property
    def described(self) -> str | None:
        """What a build says of it; None where it is off."""
        if self.mode == "off":
            return None
        batch = f" batch {self.largest_batch}" if self.largest_batch > 1 else ""
        return f"{self.mode} {','.join(map(str, sorted(self.sizes)))}{batch}"

    def apply(self, unet: UNet2DConditionModel) -> None:
        """Have the U-Net compiled when it runs first, in each size by itself."""
        if self.mode == "off":
            return
        torch._dynamo.config.recompile_limit = _LIMIT  # noqa: SLF001  # There is no other way to it.
        options = {"mode": self.mode} if self.backend == "inductor" else {}
        unet.compile(backend=self.backend, dynamic=False, **options)

    def batches(self) -> Iterator[tuple[GenerationRequest, int]]:
        """Give the pictures to be painted while the model loads, and how many of each at once."""
        if self.mode == "off":
            return
        for size, scheduler in product(self.sizes, _SAMPLERS):
            request = GenerationRequest(
                prompt="warm-up",
                num_inference_steps=5,
                width=size.width,
                height=size.height,
                scheduler=scheduler,
                seed=0,
            )
            for batch_size in sorted({1, self.largest_batch}):
                yield request, batch_size

    def for_job(self, request: GenerationRequest) -> AbstractContextManager[object]:
        """Paint a request within this, with what is compiled and nothing that is not."""
        if self.mode == "off":
            return nullcontext()
        # CUDA graphs know the weights by their places, and a LoRA's are elsewhere.
        stance = "force_eager" if request.loras else "eager_on_recompile"
        return torch.compiler.set_stance(stance)  # type: ignore[no-any-return]


NO_COMPILATION = Compilation()
