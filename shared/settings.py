"""Every environment variable of the service, typed, described and checked at start."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, RedisDsn, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.generation import Dimension, GenerationDefaults, GuidanceScale, Scheduler, Steps

_SCHEDULER_NAMES = {
    "dpmsolver++": Scheduler.DPM_SOLVER_PP,
    "eulerancestral": Scheduler.EULER_ANCESTRAL,
    "euler_ancestral": Scheduler.EULER_ANCESTRAL,
}


def _scheduler_named(value: object) -> Scheduler:
    scheduler = _SCHEDULER_NAMES.get(str(value).strip().lower())
    if scheduler is None:
        message = "must be DPMSolver++ or EulerAncestral, in any case"
        raise ValueError(message)
    return scheduler


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _redis_url(url: str) -> str:
    RedisDsn(url)
    return url


def _some_key(keys: SecretStr) -> SecretStr:
    if keys.get_secret_value() and not _split(keys.get_secret_value()):
        message = "must contain a key, or be empty to let everyone in"
        raise ValueError(message)
    return keys


def _split(items: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in items.split(",") if item.strip())


class Settings(BaseSettings):
    """What the environment says, then the file `.env`, then these defaults.

    A variable that is set to nothing counts as not set.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
    )

    host: str = "0.0.0.0"  # noqa: S104  # Reached from other machines, as the Django site's is.
    """Address that the API listens on; 127.0.0.1 for this machine only."""

    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    """Port of the API."""

    reload: bool = False
    """Restart the API when its code changes (development)."""

    model_id: str = "auto"
    """A hub id, a local folder in diffusers format, or one .safetensors file; auto is Stable
    Diffusion 1.5 where CUDA is there, else the bundled model."""

    device: Annotated[Literal["auto", "cuda", "mps", "cpu"], BeforeValidator(_lower)] = "auto"
    """auto, cuda, mps or cpu."""

    torch_dtype: Annotated[
        Literal["auto", "float16", "bfloat16", "float32"], BeforeValidator(_lower)
    ] = "auto"
    """auto (float16 on CUDA, float32 elsewhere), float16, bfloat16 or float32."""

    default_steps: Steps = 28
    """num_inference_steps of requests that name none, 5-60."""

    default_guidance_scale: GuidanceScale = 7.0
    """guidance_scale of requests that name none, 1.0-12.0."""

    default_height: Dimension = 512
    """height of requests that name none, 256-768, a multiple of 8."""

    default_width: Dimension = 512
    """width of requests that name none, 256-768, a multiple of 8."""

    scheduler_type: Annotated[Scheduler, BeforeValidator(_scheduler_named)] = (
        Scheduler.DPM_SOLVER_PP
    )
    """scheduler of requests that name none: DPMSolver++ or EulerAncestral, in any case."""

    use_karras_sigmas: bool = True
    """Karras noise levels for DPMSolver++."""

    offline_mode: bool = False
    """Never reach for the network: use what is on the disk or in the hub's cache."""

    local_files_only: bool = False
    """Load hub models from the hub's cache only."""

    max_concurrent_requests: Annotated[int, Field(ge=1)] = 100
    """Jobs admitted at once, waiting and running together; past it 429."""

    request_timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 60
    """Seconds that a blocking call waits for its picture; past it 504, and the job goes on."""

    api_key: Annotated[SecretStr, AfterValidator(_some_key)] = SecretStr("")
    """Bearer keys that are let in, comma-separated; empty lets everyone in."""

    openai_model_aliases: str = ""
    """Names, comma-separated, by which OpenAI clients may also ask for the model that is loaded,
    such as gpt-image-1 for a program in which that is written."""

    redis_url: Annotated[str, AfterValidator(_redis_url)] = "redis://127.0.0.1:6379/0"
    """Redis that holds jobs and pictures; ./run.sh starts one of its own where this is not set."""

    data_dir: Path = Path(".data")
    """Folder where ./run.sh keeps the data of a Redis of its own."""

    result_ttl: Annotated[int, Field(ge=1)] = 3600
    """Seconds that a finished job and its picture are kept; then 410."""

    max_attempts: Annotated[int, Field(ge=1)] = 3
    """Workers that may be lost over one job before it fails as worker_lost."""

    job_timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1800
    """Seconds after its submission at which a job that has not ended fails as deadline_exceeded."""

    step_timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 300
    """Seconds without a finished step after which a worker takes itself for stuck and restarts."""

    max_worker_memory_mb: Annotated[int, Field(ge=0)] = 0
    """Peak memory, in MiB, at which a worker's process is replaced between jobs; 0 never."""

    lease_seconds: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 15
    """Silence of a worker after which its job goes back to the queue."""

    max_body_bytes: Annotated[int, Field(ge=1024)] = 65536
    """Largest request body; past it 413."""

    worker_name: str = "worker"
    """Name of a worker before the @ and its host; each worker on a machine needs its own."""

    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = (
        "info"
    )
    """debug, info, warning or error."""

    @property
    def generation_defaults(self) -> GenerationDefaults:
        """What requests get for the fields that they leave out."""
        return GenerationDefaults(
            num_inference_steps=self.default_steps,
            guidance_scale=self.default_guidance_scale,
            height=self.default_height,
            width=self.default_width,
            scheduler=self.scheduler_type,
        )

    @property
    def api_keys(self) -> tuple[str, ...]:
        """The keys that are let in; none means that everyone is."""
        return _split(self.api_key.get_secret_value())

    @property
    def model_aliases(self) -> tuple[str, ...]:
        """What OpenAI clients may call the model, beside its own name."""
        return _split(self.openai_model_aliases)


def load_settings() -> Settings:
    """Read the settings, or stop the process with a line for each wrong one."""
    try:
        return Settings()
    except ValidationError as error:
        raise SystemExit("\n".join(_complaints(error))) from None


_SECRET = frozenset({"api_key", "redis_url"})


def _complaints(error: ValidationError) -> list[str]:
    lines = []
    for item in error.errors(include_url=False):
        name = str(item["loc"][0])
        value = "…" if name in _SECRET else item["input"]
        message = item["msg"].removeprefix("Value error, ")
        lines.append(f"Wrong setting {name.upper()}={value}: {message}.")
    return lines
