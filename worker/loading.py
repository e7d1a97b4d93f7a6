"""Loading a model: device, dtype, weights, and what to call the result."""

import gc
import os
import time
from collections.abc import Callable
from typing import TypeVar

import diffusers
import torch
import transformers
from diffusers import StableDiffusionPipeline

from shared.generation import Build
from shared.log import get_logger
from shared.prompt_reader import PromptReader
from shared.prompt_tokenizer import PromptTokenizer
from shared.settings import Settings
from worker.compilation import Compilation
from worker.device_name import device_name
from worker.devices import choose_device, choose_dtype, is_channels_last
from worker.latent_colours import colours_of
from worker.lora_folder import LoraFolder
from worker.lora_weights import LoraCache
from worker.loras import LoraShelf
from worker.metrics import OnAgain
from worker.model import Model
from worker.model_shelf import DeviceFull
from worker.model_source import ModelSource, ModelUnavailable, NamedModel, find_models, find_vae
from worker.numerics import fix_kernels, switches, versions
from worker.painting import DeviceLost
from worker.pipeline import DiffusersPipeline
from worker.safety import SafetyCheckers
from worker.single_file import Autoencoder
from worker.text_encoding import tokenizer_of
from worker.weights import load_vae, load_weights

_log = get_logger(__name__)

T = TypeVar("T")

Publish = Callable[[PromptTokenizer], None]
"""Is given the tokenizer of a model that is loaded."""


def quieten_libraries() -> None:
    """Keep progress bars, and remarks on what is meant as it is, out of the log.

    What is left to say comes in the form of our own lines.
    """
    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.disable_progress_bar()
        library.set_verbosity_error()
        library.disable_default_handler()
        library.enable_propagation()


class ModelLoader:
    """Loads models to one device, and paints once with each to warm it up."""

    def __init__(self, settings: Settings, on_again: OnAgain, publish: Publish) -> None:
        """Choose the device; `publish` is given each model's tokenizer.

        Raises:
            ModelUnavailable: The wanted one is not there.
        """
        quieten_libraries()
        fix_kernels()
        self._settings = settings
        self._on_again = on_again
        self._local_only = settings.local_files_only or settings.offline_mode
        self._device = choose_device(settings.device)
        self._dtype = choose_dtype(settings.torch_dtype, self._device)
        self._channels_last = is_channels_last(settings.channels_last, self._device, self._dtype)
        self._compilation = Compilation.of(settings)
        self._publish = publish
        self._loras = LoraShelf(LoraFolder(settings.lora_dir), LoraCache())
        self._checkers = SafetyCheckers(settings, self._device)

    def __call__(self, model: NamedModel) -> DiffusersPipeline:
        """Load a model.

        Raises:
            ModelUnavailable: It is not there or cannot be read; one line says what to set.
            DeviceFull: The device has no room for it beside what is there.
            DeviceLost: This process cannot use the device any more.
        """
        started = time.perf_counter()
        try:
            pipeline = self._load(model)
        except torch.OutOfMemoryError:
            raise DeviceFull from None  # Without the frames that hold its tensors.
        except torch.AcceleratorError as error:
            raise DeviceLost(str(error)) from error
        seconds = round(time.perf_counter() - started, 2)
        described = pipeline.build.model_dump(exclude={"versions"}, exclude_none=True)
        _log.info("model loaded", name=model.name, seconds=seconds, **described)
        return pipeline

    def free(self) -> None:
        """Give back to the device what the models that are gone had of its memory."""
        gc.collect()
        if self._device == "cuda":
            torch.cuda.empty_cache()

    def _load(self, named: NamedModel) -> DiffusersPipeline:
        vae, vae_name = self._vae()
        loaded, revision = self._read(
            named.setting,
            lambda: load_weights(named.source, self._dtype, local_only=self._local_only, vae=vae),
        )
        loaded.set_progress_bar_config(disable=True)
        loaded.to(self._device)
        if self._channels_last:
            for module in (loaded.unet, loaded.vae):
                module.to(memory_format=torch.channels_last)
        self._compilation.apply(loaded.unet)
        build = self._describe(named, revision).model_copy(
            update={"vae": vae_name, "prediction_type": self._predict_as_set(loaded)}
        )
        pipeline = DiffusersPipeline(
            self._model(loaded, build, named.source),
            loras=self._loras,
            safety=self._checkers.of(named.source.path),
            on_again=self._on_again,
            compilation=self._compilation,
        )
        pipeline.warm_up()
        return pipeline

    def _predict_as_set(self, loaded: StableDiffusionPipeline) -> str | None:
        wanted = self._settings.prediction_type
        if wanted == "auto":
            return None
        loaded.scheduler.register_to_config(prediction_type=wanted)
        return wanted

    def _model(self, loaded: StableDiffusionPipeline, build: Build, source: ModelSource) -> Model:
        settings = self._settings
        reader = PromptReader(tokenizer_of(loaded), settings.prompt_policy, settings.prompt_syntax)
        self._publish(reader.tokenizer)
        reads: dict[str, object] = {
            "prompt_policy": reader.policy,
            "prompt_syntax": reader.syntax,
            "chunk_tokens": reader.tokenizer.chunk_tokens,
            "tokenizer": reader.tokenizer.id,
        }
        whole = build.model_copy(update=reads)
        return Model(loaded, whole, colours=colours_of(source.path), reader=reader)

    def _describe(self, named: NamedModel, revision: str) -> Build:
        return Build(
            model=named.source.name,
            model_revision=revision,
            device=self._device,
            device_name=device_name(self._device),
            dtype=str(self._dtype).removeprefix("torch."),
            threads=torch.get_num_threads(),
            use_karras_sigmas=self._settings.use_karras_sigmas,
            channels_last=self._channels_last,
            compiled=self._compilation.described,
            versions=versions(self._device),
            switches=switches(os.environ),
        )

    def _vae(self) -> tuple[Autoencoder | None, str | None]:
        wanted = self._settings.vae_id
        if not wanted:
            return None, None
        source = find_vae(wanted)
        vae, revision = self._read(
            f"VAE_ID={wanted}", lambda: load_vae(source, self._dtype, local_only=self._local_only)
        )
        return vae, f"{source.name} {revision}"

    def _read(self, setting: str, read: Callable[[], T]) -> T:
        try:
            return read()
        except (torch.OutOfMemoryError, torch.AcceleratorError):
            raise
        # What a loader raises for a broken or missing file is not one family.
        except Exception as error:
            _log.debug("loading failed", exc_info=True)
            raise ModelUnavailable(_why(setting, error)) from error


def load_pipeline(
    settings: Settings,
    on_again: OnAgain = lambda _: None,
    publish: Publish = lambda _: None,
) -> DiffusersPipeline:
    """Load the default model of the settings.

    Raises:
        ModelUnavailable: It is not there or cannot be read; one line says what to set.
    """
    return ModelLoader(settings, on_again, publish)(
        find_models(settings, has_cuda=choose_device(settings.device) == "cuda")[0]
    )


def _why(setting: str, error: Exception) -> str:
    first_line = next(iter(str(error).strip().splitlines()), type(error).__name__)
    variable = setting.partition("=")[0]
    return (
        f"{setting}: cannot be loaded ({first_line}); set {variable} to a model that is "
        "there, or to auto, and OFFLINE_MODE to false where it has to be downloaded"
    )
