"""Loading a model: device, dtype, weights, and what to call the result."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers import StableDiffusionPipeline

from shared.generation import Build
from shared.log import get_logger
from shared.prompt_reader import PromptReader
from shared.prompt_tokenizer import PromptTokenizer
from shared.settings import Settings
from worker.device_name import device_name
from worker.latent_colours import colours_of
from worker.lora_folder import LoraFolder
from worker.lora_weights import LoraCache
from worker.loras import LoraShelf
from worker.metrics import OnAgain
from worker.model import Model
from worker.model_source import ModelSource, ModelUnavailable, find_model
from worker.pipeline import DiffusersPipeline
from worker.safety import find_safety_checker
from worker.text_encoding import tokenizer_of

_log = get_logger(__name__)

_WITHOUT_SAFETY_CHECKER: dict[str, Any] = {
    "safety_checker": None,
    "feature_extractor": None,
    "requires_safety_checker": False,
}


def quieten_libraries() -> None:
    """Keep progress bars, and remarks on what is meant as it is, out of the log.

    What is left to say comes in the form of our own lines.
    """
    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.disable_progress_bar()
        library.set_verbosity_error()
        library.disable_default_handler()
        library.enable_propagation()


def load_pipeline(
    settings: Settings,
    on_again: OnAgain = lambda _: None,
    publish: Callable[[PromptTokenizer], None] = lambda _: None,
) -> DiffusersPipeline:
    """Load the model that the settings name, move it to its device, and paint once to warm it up.

    `publish` is given its tokenizer.

    Raises:
        ModelUnavailable: It is not there or cannot be read; one line says what to set.
    """
    started = time.perf_counter()
    quieten_libraries()
    device = choose_device(settings.device)
    dtype = choose_dtype(settings.torch_dtype, device)
    source = find_model(settings.model_id, has_cuda=device == "cuda")
    loaded, revision = _load(source, dtype, settings)
    loaded.set_progress_bar_config(disable=True)
    loaded.to(device)
    reader = PromptReader(tokenizer_of(loaded), settings.prompt_policy, settings.prompt_syntax)
    publish(reader.tokenizer)
    build = _describe(
        source.name,
        revision,
        device,
        dtype,
        use_karras_sigmas=settings.use_karras_sigmas,
        reader=reader,
    )
    model = Model(loaded, build, colours=colours_of(source.path), reader=reader)
    pipeline = DiffusersPipeline(
        model,
        loras=LoraShelf(LoraFolder(settings.lora_dir), LoraCache()),
        safety=find_safety_checker(settings, source.path, device),
        on_again=on_again,
    )
    pipeline.warm_up()
    seconds = round(time.perf_counter() - started, 2)
    _log.info("model loaded", seconds=seconds, **build.model_dump(exclude={"versions"}))
    return pipeline


def choose_device(wanted: str) -> str:
    """Give the device to use.

    Raises:
        ModelUnavailable: The wanted one is not there.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    available = [device for device, is_there in there.items() if is_there]
    if wanted == "auto":
        return available[0]
    if wanted not in available:
        choices = ", ".join(["auto", *available])
        message = f"DEVICE={wanted}: torch finds no such device; set DEVICE to one of {choices}"
        raise ModelUnavailable(message)
    return wanted


def choose_dtype(wanted: str, device: str) -> torch.dtype:
    """Give the dtype of weights and activations."""
    if wanted == "auto":
        return torch.float16 if device == "cuda" else torch.float32
    dtype: torch.dtype = getattr(torch, wanted)
    return dtype


def _load(
    source: ModelSource, dtype: torch.dtype, settings: Settings
) -> tuple[StableDiffusionPipeline, str]:
    local_only = settings.local_files_only or settings.offline_mode
    try:
        if source.path is None:
            folder = _download(source.name, dtype, local_only=local_only)
            return _load_folder(folder, dtype), folder.name
        if source.path.is_dir():
            return _load_folder(source.path, dtype), _fingerprint(source.path)
        return _load_file(source.path, dtype, local_only=local_only), _fingerprint(source.path)
    # What a loader raises for a broken or missing file is not one family.
    except Exception as error:
        _log.debug("loading failed", exc_info=True)
        raise ModelUnavailable(_why(settings.model_id, error)) from error


def _why(model_id: str, error: Exception) -> str:
    first_line = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return (
        f"MODEL_ID={model_id}: cannot be loaded ({first_line}); set MODEL_ID to a model that is "
        "there, or to auto, and OFFLINE_MODE to false where it has to be downloaded"
    )


def _download(hub_id: str, dtype: torch.dtype, *, local_only: bool) -> Path:
    options = {"use_safetensors": True, "local_files_only": local_only, **_WITHOUT_SAFETY_CHECKER}
    if dtype is torch.float16:
        try:
            return Path(StableDiffusionPipeline.download(hub_id, variant="fp16", **options))
        except (OSError, ValueError):
            _log.info("no fp16 variant on the hub, taking the full weights", model_id=hub_id)
    return Path(StableDiffusionPipeline.download(hub_id, **options))


def _load_folder(folder: Path, dtype: torch.dtype) -> StableDiffusionPipeline:
    variant = "fp16" if any(folder.glob("unet/*.fp16.safetensors")) else None
    pipeline: StableDiffusionPipeline = StableDiffusionPipeline.from_pretrained(
        folder, dtype=dtype, variant=variant, use_safetensors=True, **_WITHOUT_SAFETY_CHECKER
    )
    return pipeline


def _load_file(path: Path, dtype: torch.dtype, *, local_only: bool) -> StableDiffusionPipeline:
    pipeline: StableDiffusionPipeline = StableDiffusionPipeline.from_single_file(
        str(path), dtype=dtype, local_files_only=local_only, **_WITHOUT_SAFETY_CHECKER
    )
    return pipeline


def _fingerprint(model: Path) -> str:
    """Give `sha256:…` over the weights, so that two builds of a local model can be told apart."""
    files = [model] if model.is_file() else sorted(model.rglob("*.safetensors"))
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as weights:
            digest.update(hashlib.file_digest(weights, "sha256").digest())
    return f"sha256:{digest.hexdigest()[:16]}"


def _describe(
    name: str,
    revision: str,
    device: str,
    dtype: torch.dtype,
    *,
    use_karras_sigmas: bool,
    reader: PromptReader,
) -> Build:
    return Build(
        model=name,
        model_revision=revision,
        device=device,
        device_name=device_name(device),
        dtype=str(dtype).removeprefix("torch."),
        threads=torch.get_num_threads(),
        use_karras_sigmas=use_karras_sigmas,
        versions={
            "torch": torch.__version__,
            "diffusers": diffusers.__version__,
            "transformers": transformers.__version__,
        },
        prompt_policy=reader.policy,
        prompt_syntax=reader.syntax,
        chunk_tokens=reader.tokenizer.chunk_tokens,
        tokenizer=reader.tokenizer.id,
    )
