"""Is this machine set up to run the service: settings, Redis, model, GPU, packages, disk."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

from pydantic import ValidationError
from redis.exceptions import RedisError

from scripts.cli.findings import Finding, broken, doubtful, good
from scripts.cli.graphics import Graphics
from scripts.cli.hub_cache import has_model
from scripts.embedded_redis import last_url
from scripts.home import home
from shared import VERSION
from shared.errors import StorageMisconfigured, StorageUnavailable
from shared.redis_address import place_of
from shared.redis_check import complaints as complaints_about
from shared.redis_client import API_TIMEOUT_SECONDS, connect
from shared.settings import Settings, complaints
from shared.storage import images_for
from worker.lora_folder import LoraFolder
from worker.model_source import ModelSource, ModelUnavailable, find_models, find_vae

_GIB = 2**30
_SCARCE = 2 * _GIB
_NONE_LEFT = _GIB // 10
_PACKAGES = {
    "api": ("fastapi", "uvicorn"),
    "worker": ("torch", "diffusers", "transformers"),
    "serve": ("supervisor",),
}


def read_settings() -> tuple[Settings | None, list[Finding]]:
    """Read the settings as `serve` does; None where they are wrong."""
    file = home() / ".env"
    try:
        settings = Settings(_env_file=file)
    except ValidationError as error:
        hint = f"correct the environment or {file}; .env.example explains each"
        return None, [broken("settings", line, hint) for line in complaints(error)]
    where = f"{file} and the environment" if file.is_file() else "the environment"
    changed = ", ".join(sorted(name.upper() for name in settings.model_fields_set))
    return settings, [good("settings", f"from {where}: {changed or 'all as by default'}")]


def check_redis(settings: Settings) -> Iterator[Finding]:
    """Look for the Redis that is set, else for the one that `serve` has started."""
    is_set = "redis_url" in settings.model_fields_set
    url = settings.redis_url if is_set else last_url(_folder(settings) / "redis")
    if url is None:
        detail = "REDIS_URL is not set, and none of our own has been started here"
        yield doubtful("redis", detail, "./run.sh or semantic-bit serve starts one")
        return
    place = place_of(url)
    redis = connect(url, timeout_seconds=API_TIMEOUT_SECONDS)
    try:
        told = redis.info("server")
        found = complaints_about(redis)
    except RedisError as error:
        hint = "is REDIS_URL right?" if is_set else "semantic-bit serve starts it"
        yield broken("redis", f"{place}: {str(error).rstrip('.')}", hint)
        return
    finally:
        redis.close()
    yield good("redis", f"{place}, version {told.get('redis_version')}")
    for complaint in found:
        what, _, remedy = complaint.rpartition(": ")
        yield doubtful("redis", what, remedy)


def check_pictures(settings: Settings) -> Finding:
    """Say where pictures are kept, and whether they can be."""
    place = settings.storage_url
    redis = connect(settings.redis_url, timeout_seconds=API_TIMEOUT_SECONDS)
    try:
        images_for(settings, redis).check()
    except StorageMisconfigured as error:
        hint = "correct STORAGE_URL and what it needs; docs/storage.md"
        return broken("pictures", f"{place}: {error}", hint)
    except StorageUnavailable:
        hint = "is it up, and AWS_ENDPOINT_URL right?"
        return broken("pictures", f"{place} does not answer", hint)
    finally:
        redis.close()
    return good("pictures", "kept in Redis" if place == "redis://" else f"kept at {place}")


def check_graphics(settings: Settings, graphics: Graphics) -> Finding:
    """Say what pictures are painted on, and whether that is what the settings ask for."""
    if settings.device == "cpu":
        return good("gpu", "not used: DEVICE=cpu")
    if settings.device in {"cuda", "mps"} and settings.device not in graphics.devices:
        hint = "install a torch that fits the driver, or set DEVICE=auto"
        return broken("gpu", f"DEVICE={settings.device}, which torch does not find", hint)
    if graphics.card and graphics.has_torch and "cuda" not in graphics.devices:
        hint = (
            "this torch is built without CUDA, or for a newer driver: pytorch.org says which fits"
        )
        return doubtful("gpu", f"{graphics.card}, which torch does not find", hint)
    if graphics.card or graphics.devices:
        return good("gpu", graphics.card or ", ".join(graphics.devices))
    return good("gpu", "none; pictures are painted on the CPU")


def check_model(settings: Settings, graphics: Graphics) -> Finding:
    """Say whether the worker will find its model."""
    has_cuda = settings.device in {"auto", "cuda"} and "cuda" in graphics.devices
    try:
        default, *others = find_models(settings, has_cuda=has_cuda)
        if settings.vae_id:
            find_vae(settings.vae_id)
    except ModelUnavailable as error:
        what, _, remedy = str(error).rpartition("; ")
        return broken("model", what, remedy)
    found = _check_source(settings, default.source)
    also = "".join(f", and {model.name}" for model in others)
    return replace(found, detail=f"{found.detail}{also}")


def _check_source(settings: Settings, source: ModelSource) -> Finding:
    if source.path is not None:
        return good("model", f"{source.name} at {source.path}")
    if has_model(source.name):
        return good("model", f"{source.name} in the hub's cache")
    if settings.offline_mode or settings.local_files_only:
        hint = "start once without OFFLINE_MODE and LOCAL_FILES_ONLY, or set MODEL_ID to a folder"
        return broken("model", f"{source.name} is not in the hub's cache", hint)
    hint = "the worker's first start downloads it, some gigabytes"
    return doubtful("model", f"{source.name} is not in the hub's cache yet", hint)


def check_loras(settings: Settings) -> Finding:
    """Say which LoRAs requests will be able to name, and which files are none."""
    folder = settings.lora_dir
    if folder is None:
        return good("loras", "none: LORA_DIR is not set")
    if not folder.is_dir():
        return broken("loras", f"LORA_DIR={folder} is not a folder", "make it, or correct LORA_DIR")
    count = len(LoraFolder(folder).scan())
    others = sum(1 for _ in folder.rglob("*.safetensors")) - count
    if others:
        hint = "the worker's log says why"
        return doubtful("loras", f"{count} in {folder}, and {others} that cannot be used", hint)
    return good("loras", f"{count} in {folder}")


def check_packages() -> Finding:
    """Say what is installed of what serving needs."""
    found, missing = [f"semantic-bit {VERSION}", f"Python {python_version()}"], []
    for extra, packages in _PACKAGES.items():
        for package in packages:
            try:
                found.append(f"{package} {version(package)}")
            except PackageNotFoundError:
                missing.append(extra)
    detail = ", ".join(found)
    if missing:
        extras = ",".join(dict.fromkeys(missing))
        hint = f"to serve from here: pip install 'semantic-bit-gpu-server[{extras}]', or ./run.sh"
        return doubtful("versions", detail, hint)
    return good("versions", detail)


def check_disk(settings: Settings) -> Finding:
    """Say whether there is room for jobs and pictures."""
    folder = _folder(settings)
    there = next(part for part in (folder, *folder.parents) if part.is_dir())
    free = shutil.disk_usage(there).free
    detail = f"{free / _GIB:.1f} GiB free for {folder}"
    if free < _NONE_LEFT:
        return broken("disk", detail, "make room, or set DATA_DIR to another disk")
    if free < _SCARCE:
        return doubtful("disk", detail, "pictures and a model from the hub need more soon")
    return good("disk", detail)


def _folder(settings: Settings) -> Path:
    return home() / settings.data_dir
