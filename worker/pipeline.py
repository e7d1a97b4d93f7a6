"""Painting with the warm Stable Diffusion pipeline."""

import gc
import time
from collections.abc import Callable, Hashable, Sequence
from traceback import clear_frames

import torch
from diffusers import StableDiffusionPipeline

from shared.generation import Build, GenerationRequest
from shared.job_parts import FailureType
from shared.log import get_logger
from worker.canvas import Canvas
from worker.compilation import NO_COMPILATION, Compilation
from worker.decoding import decode
from worker.denoising import Start, denoise
from worker.following import AllEnded, Following
from worker.inputs import NO_INPUTS, Inputs
from worker.loras import LoraShelf, applied_loras
from worker.metrics import Again, OnAgain
from worker.model import Model
from worker.painting import (
    DeviceLost,
    Lane,
    OnStep,
    Outcome,
    Painting,
    PaintingFailed,
    painting_of,
)
from worker.picture_encoding import encode_picture
from worker.safety import SafetyChecker
from worker.schedulers import Schedulers
from worker.text_cache import TextCache
from worker.text_encoding import count_chunks, encode_text

_log = get_logger(__name__)

_TRIES = 2  # Emptying the cache can make room that fragments had taken.


class DiffusersPipeline:
    """Paints with a model that stays loaded and that no request changes."""

    def __init__(
        self,
        model: Model,
        *,
        loras: LoraShelf,
        on_again: OnAgain,
        safety: SafetyChecker | None = None,
        compilation: Compilation = NO_COMPILATION,
    ) -> None:
        """Take the parts; `on_again` hears when something is tried a second time."""
        self._model = model
        self._loras = loras
        self._on_again = on_again
        self._safety = safety
        self._compilation = compilation
        self._texts = TextCache()
        self._schedulers = Schedulers(
            dict(model.pipeline.scheduler.config),
            use_karras_sigmas=model.build.use_karras_sigmas,
        )

    @property
    def build(self) -> Build:
        """What the pictures depend on beside their requests."""
        return self._model.build

    def warm_up(self) -> None:
        """Paint, so that the first client does not pay for lazy initialisation, or compilation."""
        small = GenerationRequest(
            prompt="warm-up", num_inference_steps=5, height=256, width=256, seed=0
        )
        for request, batch_size in self._compilation.batches():
            for outcome in self._paint([Lane(request, lambda *_: None)] * batch_size):
                painting_of(outcome)
        self.generate(small, lambda *_: None)

    def generate(
        self, request: GenerationRequest, on_step: OnStep, inputs: Inputs = NO_INPUTS
    ) -> Painting:
        """Paint; `on_step` follows each sampler step, and what it raises ends the painting.

        Raises:
            PaintingFailed: Out of memory twice, the model gave no finite picture, or a LoRA cannot
                be used.
            DeviceLost: This process cannot use the device any more.
        """
        (outcome,) = self.generate_batch([Lane(request, on_step, inputs)])
        return painting_of(outcome)

    def batch_key(self, request: GenerationRequest) -> Hashable | None:
        """Give what is equal for requests that can be one batch; none begins with a picture."""
        if request.init_image is not None:
            return None
        shape = request.width, request.height, count_chunks(request, self._model.reader)
        sampling = request.num_inference_steps, request.scheduler, request.guidance_scale
        return shape, sampling, request.loras

    def generate_batch(self, lanes: Sequence[Lane]) -> list[Outcome]:
        """Paint requests of one batch key at once, and give what became of each.

        Where that fails, halves are painted, and in the end each by itself: so what is wrong with
        one picture is its own failure.

        Raises:
            DeviceLost: This process cannot use the device any more.
        """
        with self._compilation.for_job(lanes[0].request):
            return self._paint(lanes)

    @torch.inference_mode()
    def _paint(self, lanes: Sequence[Lane]) -> list[Outcome]:
        is_alone = len(lanes) == 1
        for number in range(_TRIES if is_alone else 1):
            if number > 0:
                self._on_again(Again.OUT_OF_MEMORY)
            outcomes = self._try(lanes)
            if outcomes is not None:
                return outcomes
        if is_alone:
            request = lanes[0].request
            detail = f"The device's memory does not suffice for {request.width}x{request.height}."
            return [PaintingFailed(FailureType.GPU_OUT_OF_MEMORY, detail)]
        half = len(lanes) // 2
        return self._paint(lanes[:half]) + self._paint(lanes[half:])

    def _try(self, lanes: Sequence[Lane]) -> list[Outcome] | None:
        """Give what became of each, or None where to try once more, or with fewer, may help."""
        request, batch_size = lanes[0].request, len(lanes)
        try:
            return self._generate(self._for_one_job(request), lanes)
        except AllEnded as ended:
            return ended.outcomes
        except torch.OutOfMemoryError:
            size = {"width": request.width, "height": request.height}
            _log.warning("out of memory", batch_size=batch_size, **size)
        except torch.AcceleratorError as error:
            raise DeviceLost(str(error)) from error
        except Exception as error:  # noqa: BLE001  # Of a batch it may be only one lane's.
            if batch_size == 1:
                # What its frames hold of the device's memory others may need before it is told.
                clear_frames(error.__traceback__)
                return [error]
            _log.warning("batch failed", batch_size=batch_size, reason=type(error).__name__)
        self._make_room()  # Here, where the error and the tensors in its frames are gone.
        return None

    def _make_room(self) -> None:
        self._texts.clear()
        gc.collect()
        if self.build.device == "cuda":
            torch.cuda.empty_cache()

    def _for_one_job(self, request: GenerationRequest) -> StableDiffusionPipeline:
        # The modules are shared; what a run leaves on the pipeline and its sampler is not.
        scheduler = self._schedulers.take(request.scheduler)
        components = {**self._model.pipeline.components, "scheduler": scheduler}
        pipeline = StableDiffusionPipeline(**components, requires_safety_checker=False)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def _generate(self, pipeline: StableDiffusionPipeline, lanes: Sequence[Lane]) -> list[Outcome]:
        request = lanes[0].request
        canvas, following = Canvas.prepare(request, lanes[0].inputs), Following(lanes)
        with applied_loras(pipeline, request.loras, self._loras) as loras:
            started = self._clock()
            # With LoRAs the text encoder is another one.
            cache = TextCache() if request.loras else self._texts
            reader = self._model.reader
            texts = [encode_text(pipeline, lane.request, reader, cache) for lane in lanes]
            start = self._start(pipeline, canvas, lanes)
            encoded = self._clock()
            latents = denoise(
                pipeline, request, texts, start, colours=self._model.colours, on_step=following
            )
            denoised = self._clock()
        times = {"text_seconds": encoded - started, "denoise_seconds": denoised - encoded}

        def finish(number: int) -> Painting:
            begun = self._clock()
            decoded = decode(pipeline, latents[number : number + 1], self._on_again)
            image = canvas.finished(decoded)
            flagged = None if self._safety is None else self._safety.flags(image)
            return Painting(
                image=image,
                **times,
                decode_seconds=self._clock() - begun,
                account=texts[number].account,
                loras=loras,
                flagged=flagged,
                batch_size=len(lanes),
            )

        return [
            following.ended[number] if number in following.ended else self._outcome(finish, number)
            for number in range(len(lanes))
        ]

    def _start(
        self, pipeline: StableDiffusionPipeline, canvas: Canvas, lanes: Sequence[Lane]
    ) -> Start:
        # On the CPU, so that the noise does not depend on the GPU.
        generators = [torch.Generator("cpu").manual_seed(lane.request.seed or 0) for lane in lanes]
        return Start(canvas, encode_picture(pipeline, canvas, generators[0]), generators)

    def _outcome(self, finish: Callable[[int], Painting], number: int) -> Outcome:
        try:
            return finish(number)
        except PaintingFailed as error:
            self._texts.clear()  # They may be what is not finite.
            return error

    def _clock(self) -> float:
        if self.build.device == "cuda":
            torch.cuda.synchronize()  # Kernels run on after the call that starts them.
        return time.perf_counter()
