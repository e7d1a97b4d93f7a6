"""Painting with the warm Stable Diffusion pipeline."""

import gc
import time

import torch
from diffusers import StableDiffusionPipeline

from shared.generation import Build, GenerationRequest
from shared.job_parts import FailureType
from shared.log import get_logger
from worker.canvas import Canvas
from worker.compilation import NO_COMPILATION, Compilation
from worker.decoding import decode
from worker.denoising import Start, denoise
from worker.inputs import NO_INPUTS, Inputs
from worker.loras import LoraShelf, applied_loras
from worker.metrics import Again, OnAgain
from worker.model import Model
from worker.picture_encoding import encode_picture
from worker.runner import DeviceLost, OnStep, Painting, PaintingFailed
from worker.safety import SafetyChecker
from worker.schedulers import Schedulers
from worker.text_cache import TextCache
from worker.text_encoding import encode_text

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
        for request in self._compilation.requests():
            self._paint(request, lambda *_: None)
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
        with self._compilation.for_job(request):
            return self._paint(request, on_step, inputs)

    @torch.inference_mode()
    def _paint(
        self, request: GenerationRequest, on_step: OnStep, inputs: Inputs = NO_INPUTS
    ) -> Painting:
        canvas = Canvas.prepare(request, inputs)
        for number in range(_TRIES):
            if number > 0:
                self._on_again(Again.OUT_OF_MEMORY)
            painting = self._try(request, canvas, on_step)
            if painting is not None:
                return painting
        detail = f"The device's memory does not suffice for {request.width}x{request.height}."
        raise PaintingFailed(FailureType.GPU_OUT_OF_MEMORY, detail)

    def _try(self, request: GenerationRequest, canvas: Canvas, on_step: OnStep) -> Painting | None:
        try:
            return self._generate(self._for_one_job(request), request, canvas, on_step)
        except torch.OutOfMemoryError:
            _log.warning("out of memory", width=request.width, height=request.height)
        except torch.AcceleratorError as error:
            raise DeviceLost(str(error)) from error
        except PaintingFailed:
            self._texts.clear()  # They may be what is not finite.
            raise
        # Here, where the error and the tensors in its frames are gone.
        self._texts.clear()
        gc.collect()
        if self.build.device == "cuda":
            torch.cuda.empty_cache()
        return None

    def _for_one_job(self, request: GenerationRequest) -> StableDiffusionPipeline:
        # The modules are shared; what a run leaves on the pipeline and its sampler is not.
        scheduler = self._schedulers.take(request.scheduler)
        components = {**self._model.pipeline.components, "scheduler": scheduler}
        pipeline = StableDiffusionPipeline(**components, requires_safety_checker=False)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def _generate(
        self,
        pipeline: StableDiffusionPipeline,
        request: GenerationRequest,
        canvas: Canvas,
        on_step: OnStep,
    ) -> Painting:
        with applied_loras(pipeline, request.loras, self._loras) as loras:
            started = self._clock()
            # With LoRAs the text encoder is another one.
            texts = TextCache() if request.loras else self._texts
            text = encode_text(pipeline, request, self._model.reader, texts)
            # On the CPU, so that the noise does not depend on the GPU.
            generator = torch.Generator("cpu").manual_seed(request.seed or 0)
            start = Start(canvas, encode_picture(pipeline, canvas, generator), generator)
            encoded = self._clock()
            latents = denoise(
                pipeline, request, text, start, colours=self._model.colours, on_step=on_step
            )
            denoised = self._clock()
        image = canvas.finished(decode(pipeline, latents, self._on_again))
        flagged = None if self._safety is None else self._safety.flags(image)
        return Painting(
            image=image,
            text_seconds=encoded - started,
            denoise_seconds=denoised - encoded,
            decode_seconds=self._clock() - denoised,
            account=text.account,
            loras=loras,
            flagged=flagged,
        )

    def _clock(self) -> float:
        if self.build.device == "cuda":
            torch.cuda.synchronize()  # Kernels run on after the call that starts them.
        return time.perf_counter()
