"""Painting with the warm Stable Diffusion pipeline."""

import gc
import time
from collections.abc import Callable
from typing import Any

import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

from shared.generation import Build, GenerationRequest
from shared.job_parts import FailureType
from shared.log import get_logger
from worker.latent_colours import LatentColours, foreseen_latents
from worker.metrics import Again, OnAgain
from worker.runner import DeviceLost, OnStep, Painting, PaintingFailed
from worker.schedulers import build_scheduler

_log = get_logger(__name__)

_TRIES = 2  # Emptying the cache can make room that fragments had taken.


class DiffusersPipeline:
    """Paints with a pipeline that stays loaded and that no request changes."""

    def __init__(
        self,
        pipeline: StableDiffusionPipeline,
        build: Build,
        *,
        colours: LatentColours,
        use_karras_sigmas: bool,
        on_again: OnAgain,
    ) -> None:
        """Take the parts; `on_again` hears when something is tried a second time."""
        self._pipeline = pipeline
        self._build = build
        self._colours = colours
        self._use_karras_sigmas = use_karras_sigmas
        self._on_again = on_again

    @property
    def build(self) -> Build:
        """What the pictures depend on beside their requests."""
        return self._build

    def warm_up(self) -> None:
        """Paint once, small, so that the first client does not pay for lazy initialisation."""
        request = GenerationRequest(
            prompt="warm-up", num_inference_steps=5, height=256, width=256, seed=0
        )
        self.generate(request, lambda *_: None)

    @torch.inference_mode()
    def generate(self, request: GenerationRequest, on_step: OnStep) -> Painting:
        """Paint; `on_step` follows each sampler step, and what it raises ends the painting.

        Raises:
            PaintingFailed: Out of memory twice, or the model gave no finite picture.
            DeviceLost: This process cannot use the device any more.
        """
        for number in range(_TRIES):
            if number > 0:
                self._on_again(Again.OUT_OF_MEMORY)
            painting = self._try(request, on_step)
            if painting is not None:
                return painting
        detail = f"The device's memory does not suffice for {request.width}x{request.height}."
        raise PaintingFailed(FailureType.GPU_OUT_OF_MEMORY, detail)

    def _try(self, request: GenerationRequest, on_step: OnStep) -> Painting | None:
        try:
            return self._generate(self._for_one_job(request), request, on_step)
        except torch.OutOfMemoryError:
            _log.warning("out of memory", width=request.width, height=request.height)
        except torch.AcceleratorError as error:
            raise DeviceLost(str(error)) from error
        # Here, where the error and the tensors in its frames are gone.
        gc.collect()
        if self._build.device == "cuda":
            torch.cuda.empty_cache()
        return None

    def _for_one_job(self, request: GenerationRequest) -> StableDiffusionPipeline:
        # The modules are shared; what a run leaves on the pipeline and its sampler is not.
        scheduler = build_scheduler(
            request.scheduler,
            dict(self._pipeline.scheduler.config),
            use_karras_sigmas=self._use_karras_sigmas,
        )
        components = {**self._pipeline.components, "scheduler": scheduler}
        pipeline = StableDiffusionPipeline(**components, requires_safety_checker=False)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def _generate(
        self,
        pipeline: StableDiffusionPipeline,
        request: GenerationRequest,
        on_step: OnStep,
    ) -> Painting:
        started = self._clock()
        prompt, negative = pipeline.encode_prompt(
            request.prompt,
            pipeline.device,
            num_images_per_prompt=1,
            do_classifier_free_guidance=request.guidance_scale > 1,
            negative_prompt=request.negative_prompt or "",
        )
        encoded = self._clock()
        latents = pipeline(
            prompt_embeds=prompt,
            negative_prompt_embeds=negative,
            num_inference_steps=request.num_inference_steps,
            guidance_scale=request.guidance_scale,
            height=request.height,
            width=request.width,
            # On the CPU, so that the starting noise does not depend on the GPU.
            generator=torch.Generator("cpu").manual_seed(request.seed or 0),
            output_type="latent",
            callback_on_step_end=self._step_callback(on_step),
        ).images
        denoised = self._clock()
        image = _decode(pipeline, latents, self._on_again)
        tokens, dropped = _read_by(pipeline.tokenizer, request.prompt)
        return Painting(
            image=image,
            text_seconds=encoded - started,
            denoise_seconds=denoised - encoded,
            decode_seconds=self._clock() - denoised,
            prompt_tokens=tokens,
            dropped_text=dropped,
        )

    def _step_callback(self, on_step: OnStep) -> Callable[..., dict[str, Any]]:
        def callback(
            pipeline: StableDiffusionPipeline, step: int, _timestep: int, kwargs: dict[str, Any]
        ) -> dict[str, Any]:
            latents = kwargs["latents"]
            on_step(
                step + 1,
                lambda: self._colours.image(foreseen_latents(pipeline.scheduler, latents)),
            )
            return kwargs

        return callback

    def _clock(self) -> float:
        if self._build.device == "cuda":
            torch.cuda.synchronize()  # Kernels run on after the call that starts them.
        return time.perf_counter()


def _read_by(tokenizer: Any, prompt: str) -> tuple[int, str]:
    """Count the prompt's tokens, and give the text beyond those that the model reads."""
    tokens = tokenizer(prompt, add_special_tokens=False, verbose=False).input_ids
    read = tokenizer.model_max_length - tokenizer.num_special_tokens_to_add()
    return len(tokens), tokenizer.decode(tokens[read:]).strip()


def _decode(
    pipeline: StableDiffusionPipeline, latents: torch.Tensor, on_again: OnAgain
) -> Image.Image:
    vae = pipeline.vae
    decoded = _decode_with(vae, latents)
    if not torch.isfinite(decoded).all():
        _log.warning("the picture is not finite, decoding again in float32")
        on_again(Again.NOT_FINITE)
        decoded = _decode_in_float32(vae, latents)
    if not torch.isfinite(decoded).all():
        detail = "The model gave a picture with numbers that are not finite."
        raise PaintingFailed(FailureType.NAN_OUTPUT, detail)
    images: list[Image.Image] = pipeline.image_processor.postprocess(decoded, output_type="pil")
    return images[0]


def _decode_in_float32(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    # To float32 and back changes no weight, so the next picture is as if nothing had been.
    dtype = vae.dtype
    vae.to(torch.float32)
    try:
        return _decode_with(vae, latents.float())
    finally:
        vae.to(dtype)


def _decode_with(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    decoded: torch.Tensor = vae.decode(latents / vae.config.scaling_factor, return_dict=False)[0]
    return decoded
