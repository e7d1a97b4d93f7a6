"""The safety checker of Stable Diffusion: does a picture look like what it was taught to refuse."""

from pathlib import Path

import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from PIL import Image
from transformers import CLIPImageProcessor

from shared.log import get_logger
from shared.settings import Settings
from worker.model_source import ModelUnavailable

_log = get_logger(__name__)

_CHECKER, _PROCESSOR = "safety_checker", "feature_extractor"
"""The folders of a model that comes with its own."""


class SafetyChecker:
    """Looks at finished pictures, and changes none."""

    def __init__(
        self, checker: StableDiffusionSafetyChecker, processor: CLIPImageProcessor, device: str
    ) -> None:
        # In float32 whatever the model has: half of it overflows to numbers that flag nothing.
        self._checker = checker.to(device, torch.float32).eval()
        self._processor = processor
        self._device = device

    @torch.inference_mode()
    def flags(self, image: Image.Image) -> bool:
        """Say whether it takes offence; so it does where it comes to no finite judgement."""
        seen: list[torch.Tensor] = []
        hook = self._checker.visual_projection.register_forward_hook(
            lambda _module, _inputs, output: seen.append(output)
        )
        pixels = self._processor(images=image, return_tensors="pt").pixel_values
        try:
            # It blackens the images that it is given, so it is given none of ours.
            _, (flagged,) = self._checker(
                clip_input=pixels.to(self._device), images=torch.zeros(1, device=self._device)
            )
        finally:
            hook.remove()
        return bool(flagged) or not all(bool(torch.isfinite(one).all()) for one in seen)


class SafetyCheckers:
    """The checkers of the models: a model's own, or the one that all others share."""

    def __init__(self, settings: Settings, device: str) -> None:
        self._settings = settings
        self._device = device
        self._shared: SafetyChecker | None = None

    def of(self, model: Path | None) -> SafetyChecker | None:
        """Give the checker of a model's folder, None where there is to be none.

        Raises:
            ModelUnavailable: It is not there or cannot be read; one line says what to set.
        """
        if has_own_checker(model):
            return find_safety_checker(self._settings, model, self._device)
        if self._shared is None:
            self._shared = find_safety_checker(self._settings, None, self._device)
        return self._shared


def has_own_checker(model: Path | None) -> bool:
    """Say whether a model's folder comes with a checker."""
    return model is not None and (model / _CHECKER).is_dir() and (model / _PROCESSOR).is_dir()


def find_safety_checker(
    settings: Settings, model: Path | None, device: str
) -> SafetyChecker | None:
    """Load the checker of the model's folder, else that of the settings; None where it is off.

    Raises:
        ModelUnavailable: It is not there or cannot be read; one line says what to set.
    """
    if settings.safety_checker == "off":
        return None
    local_only = settings.local_files_only or settings.offline_mode
    has_own = has_own_checker(model)
    source = str(model) if has_own else settings.safety_checker_id
    try:
        checker = _load(source, local_only=local_only)
    # What a loader raises for a broken or missing file is not one family.
    except Exception as error:
        _log.debug("loading the safety checker failed", exc_info=True)
        raise ModelUnavailable(_why(settings, error, has_own=has_own)) from error
    _log.info("safety checker loaded", own=has_own, mode=settings.safety_checker)
    return SafetyChecker(*checker, device)


def _load(
    source: str, *, local_only: bool
) -> tuple[StableDiffusionSafetyChecker, CLIPImageProcessor]:
    in_folders = (Path(source) / _CHECKER).is_dir()
    folders = (_CHECKER, _PROCESSOR) if in_folders else ("", "")
    checker, report = StableDiffusionSafetyChecker.from_pretrained(
        source,
        subfolder=folders[0],
        use_safetensors=True,
        local_files_only=local_only,
        output_loading_info=True,
    )
    missing = sorted(report["missing_keys"])
    if missing:  # Which would be filled with noise, and flag at random.
        message = f"{len(missing)} weights are missing, such as {missing[0]}"
        raise ValueError(message)
    processor = CLIPImageProcessor.from_pretrained(
        source, subfolder=folders[1], local_files_only=local_only
    )
    return checker, processor


def _why(settings: Settings, error: Exception, *, has_own: bool) -> str:
    first_line = next(iter(str(error).strip().splitlines()), type(error).__name__)
    if has_own:
        return (
            f"SAFETY_CHECKER={settings.safety_checker}: the model's own cannot be loaded "
            f"({first_line}); mend its folders {_CHECKER} and {_PROCESSOR}, or set it to off"
        )
    return (
        f"SAFETY_CHECKER_ID={settings.safety_checker_id}: cannot be loaded ({first_line}); set it "
        "to a checker that is there as safetensors, or SAFETY_CHECKER to off"
    )
