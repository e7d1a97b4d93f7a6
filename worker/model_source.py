"""Which weights `MODEL_ID` means, decided without loading anything."""

from dataclasses import dataclass
from pathlib import Path

from shared.log import get_logger

_log = get_logger(__name__)

BUNDLED = Path(__file__).resolve().parent.parent / "models" / "demo"
STABLE_DIFFUSION_1_5 = "stable-diffusion-v1-5/stable-diffusion-v1-5"

# Gone from the hub, and where the same weights live now.
_SUCCESSORS = {"runwayml/stable-diffusion-v1-5": STABLE_DIFFUSION_1_5}
_PICKLES = frozenset({".ckpt", ".pt", ".pth", ".bin", ".pkl"})
_HELP = (
    "set MODEL_ID to a hub id such as "
    f"{STABLE_DIFFUSION_1_5}, a folder in diffusers format, a .safetensors file, or auto"
)


class ModelUnavailable(Exception):
    """The model cannot be loaded; the message is one line that says what to set."""


@dataclass(frozen=True)
class ModelSource:
    """What a model is called, and where it is on the disk; None for the hub."""

    name: str
    path: Path | None = None


def find_model(model_id: str, *, has_cuda: bool) -> ModelSource:
    """Say where the model is.

    Raises:
        ModelUnavailable: Nothing is there, or it is not in safetensors form.
    """
    if model_id.lower() == "auto":
        model_id = STABLE_DIFFUSION_1_5 if has_cuda else str(BUNDLED)
    path = Path(model_id).expanduser()
    if path.suffix.lower() in _PICKLES:
        message = f"MODEL_ID={model_id}: pickled weights can run code and are refused; {_HELP}"
        raise ModelUnavailable(message)
    if path.is_dir():
        _check_folder(path)
        return ModelSource(name=path.resolve().name, path=path)
    if path.is_file():
        return _single_file(path)
    return _hub_model(model_id, path)


def _check_folder(folder: Path) -> None:
    if not (folder / "model_index.json").is_file():
        message = f"MODEL_ID={folder}: the folder has no model_index.json; {_HELP}"
        raise ModelUnavailable(message)
    if not any(folder.glob("unet/*.safetensors")):
        message = f"MODEL_ID={folder}: the folder has no unet/*.safetensors; {_HELP}"
        raise ModelUnavailable(message)


def _single_file(path: Path) -> ModelSource:
    if path.suffix.lower() != ".safetensors":
        message = f"MODEL_ID={path}: not a .safetensors file; {_HELP}"
        raise ModelUnavailable(message)
    return ModelSource(name=path.name, path=path)


def _hub_model(model_id: str, path: Path) -> ModelSource:
    owner_and_name = model_id.count("/") == 1 and not model_id.startswith((".", "/", "~"))
    if not owner_and_name or path.suffix == ".safetensors":
        message = f"MODEL_ID={model_id}: no such folder or file, and not a hub id; {_HELP}"
        raise ModelUnavailable(message)
    successor = _SUCCESSORS.get(model_id.lower(), model_id)
    if successor != model_id:
        _log.warning("the model has moved on the hub", model_id=model_id, served_from=successor)
    return ModelSource(name=successor)
