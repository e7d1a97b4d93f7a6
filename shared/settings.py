"""Every environment variable of the service, typed, described and checked at start."""

import re
from base64 import b64decode
from math import ceil
from pathlib import Path
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    HttpUrl,
    SecretStr,
    TypeAdapter,
    ValidationError,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.generation import Dimension, GenerationDefaults, GuidanceScale, Scheduler, Steps
from shared.log import LogFormat
from shared.prompt_rules import PromptPolicy, PromptSyntax
from shared.redis_address import check_redis_url
from shared.schedulers import SCHEDULERS, scheduler_named
from shared.webhook_policy import AllowedHosts, WebhookPolicy


def _scheduler(value: object) -> Scheduler:
    scheduler = scheduler_named(str(value))
    if scheduler is None:
        there = ", ".join(entry.setting for entry in SCHEDULERS)
        message = f"must be one of {there}, in any case"
        raise ValueError(message)
    return scheduler


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _storage_url(text: str) -> str:
    url = urlsplit(text)
    if "@" in url.netloc:
        message = "must hold no credentials; AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY have them"
        raise ValueError(message)
    is_file = url.scheme == "file" and not url.netloc and url.path.startswith("/")
    is_bucket = url.scheme == "s3" and bool(url.netloc)
    if text != "redis://" and (not (is_file or is_bucket) or url.query or url.fragment):
        message = "must be redis://, file:///folder or s3://bucket/prefix"
        raise ValueError(message)
    return text


def _collector_url(url: str) -> str:
    if url:
        HttpUrl(url)
    return url


def _logins(logins: SecretStr) -> SecretStr:
    if not all(all(login.partition(":")) for login in _split(logins.get_secret_value())):
        message = "must be user:password"
        raise ValueError(message)
    return logins


def _some_key(keys: SecretStr) -> SecretStr:
    if keys.get_secret_value() and not _split(keys.get_secret_value()):
        message = "must contain a key, or be empty to let everyone in"
        raise ValueError(message)
    return keys


_MODEL = re.compile(r"(?P<name>[A-Za-z0-9._-]+)=(?P<source>\S.*)")


def _named_models(text: str) -> str:
    items = [_MODEL.fullmatch(item) for item in _split(text)]
    if not all(items):
        message = "must be name=source, several with commas; names of letters, digits, ., _ and -"
        raise ValueError(message)
    names = [item["name"] for item in items if item]
    if len(set(names)) < len(names):
        message = "must not give two models the same name"
        raise ValueError(message)
    return text


class Size(NamedTuple):
    """Of a picture, in pixels."""

    width: Dimension
    height: Dimension

    def __str__(self) -> str:
        """Write it as the settings do."""
        return f"{self.width}x{self.height}"


_SIZES = TypeAdapter(tuple[Size, ...])


def _sizes_of(text: str) -> tuple[Size, ...]:
    return _SIZES.validate_python(tuple(size.lower().split("x") for size in _split(text)))


def _sizes(text: str) -> str:
    try:
        _sizes_of(text)
    except ValidationError:
        message = "must be sizes such as 512x512, comma-separated, each 256-768, a multiple of 8"
        raise ValueError(message) from None
    return text


_RATE = re.compile(r"[1-9]\d*/(second|minute|hour|day)")


def _rate(text: str) -> str:
    if text and not _RATE.fullmatch(text):
        message = "must be a number and a time, such as 60/minute or 1000/day"
        raise ValueError(message)
    return text


def _split(items: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in items.split(",") if item.strip())


_PREFIX = "whsec_"
_SECRET_BYTES = range(24, 65)  # As Standard Webhooks has it.


def _some_secret(secrets: SecretStr) -> SecretStr:
    texts = _split(secrets.get_secret_value())
    if secrets.get_secret_value() and not (texts and all(map(_is_secret, texts))):
        message = "must be whsec_ and the base64 of 24 to 64 random bytes; several with commas"
        raise ValueError(message)
    return secrets


def _is_secret(text: str) -> bool:
    try:
        return text.startswith(_PREFIX) and len(_secret_bytes(text)) in _SECRET_BYTES
    except ValueError:
        return False


def _secret_bytes(text: str) -> bytes:
    encoded = text.removeprefix(_PREFIX)
    return b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)


def _allowed_hosts(text: str) -> str:
    AllowedHosts.of(text)
    return text


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

    lora_dir: Annotated[Path, AfterValidator(Path.expanduser)] | None = None
    """Folder on the worker's machine with .safetensors files of LoRAs, which requests may name."""
    models: Annotated[str, AfterValidator(_named_models)] = ""
    """More models, name=source, comma-separated, with sources as in MODEL_ID; where that is not
    set, the first of them is the default."""

    max_warm_models: Annotated[int, Field(ge=1)] = 2
    """Models that a worker keeps loaded at once; the one that was not used longest leaves first."""

    vae_id: str = ""
    """An autoencoder in place of each model's own: a hub id, a folder or a .safetensors file."""

    prediction_type: Annotated[
        Literal["auto", "epsilon", "v_prediction"], BeforeValidator(_lower)
    ] = "auto"
    """auto (as each model says), epsilon or v_prediction, for a model whose pictures are noise."""

    device: Annotated[Literal["auto", "cuda", "mps", "cpu"], BeforeValidator(_lower)] = "auto"
    """auto, cuda, mps or cpu."""

    torch_dtype: Annotated[
        Literal["auto", "float16", "bfloat16", "float32"], BeforeValidator(_lower)
    ] = "auto"
    """auto (float16 on CUDA, float32 elsewhere), float16, bfloat16 or float32."""

    channels_last: Annotated[Literal["auto", "on", "off"], BeforeValidator(_lower)] = "auto"
    """auto (on CUDA, but for float32), on or off: lay pictures out in memory pixel by pixel."""

    max_batch_size: Annotated[int, Field(ge=1, le=16)] = 1
    """Up to how many jobs in line are painted at once, 1-16: more pictures an hour, each of them
    later and not the same to the bit as alone."""

    compile: Annotated[Literal["off", "default", "max-autotune"], BeforeValidator(_lower)] = "off"
    """off, default or max-autotune (with CUDA graphs): compile the model while it loads, which
    takes minutes."""

    compile_shapes: Annotated[str, AfterValidator(_sizes)] = ""
    """Sizes to compile for, such as 512x512,768x512; empty for the default one."""

    default_steps: Steps = 28
    """num_inference_steps of requests that name none, 5-60."""

    default_guidance_scale: GuidanceScale = 7.0
    """guidance_scale of requests that name none, 1.0-12.0."""

    default_height: Dimension = 512
    """height of requests that name none, 256-768, a multiple of 8."""

    default_width: Dimension = 512
    """width of requests that name none, 256-768, a multiple of 8."""

    scheduler_type: Annotated[Scheduler, BeforeValidator(_scheduler)] = Scheduler.DPM_SOLVER_PP
    """scheduler of requests that name none: DPMSolver++, EulerAncestral, Euler, Heun, DDIM, UniPC,
    LMS, DPMSolver++SDE or LCM, in any case."""

    use_karras_sigmas: bool = True
    """Karras noise levels for DPMSolver++ and DPMSolver++SDE."""

    safety_checker: Annotated[Literal["off", "flag", "block"], BeforeValidator(_lower)] = "off"
    """off, flag (pictures that the checker takes offence at say so) or block (their jobs fail as
    content_blocked)."""

    safety_checker_id: str = "CompVis/stable-diffusion-safety-checker"
    """A hub id or a local folder of the checker, for models that come without their own."""

    prompt_policy: Annotated[PromptPolicy, BeforeValidator(_lower)] = PromptPolicy.CHUNK
    """What becomes of a prompt of more than 75 tokens: chunk (read in parts), truncate (the record
    says what was not read) or error (422)."""

    prompt_syntax: Annotated[PromptSyntax, BeforeValidator(_lower)] = PromptSyntax.A1111
    """a1111 ((word:1.2), [word] and BREAK weigh words and begin a chunk) or plain (they are
    words)."""

    offline_mode: bool = False
    """Never reach for the network: use what is on the disk or in the hub's cache."""

    local_files_only: bool = False
    """Load hub models from the hub's cache only."""

    max_concurrent_requests: Annotated[int, Field(ge=1)] = 100
    """Jobs admitted at once, waiting and running together; past it 429."""

    request_timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 60
    """Seconds that a blocking call waits for its picture; past it 504, and the job goes on."""

    api_key: Annotated[SecretStr, AfterValidator(_some_key)] = SecretStr("")
    """Bearer keys that are let in, comma-separated; empty, without API_KEYS_FILE, lets everyone
    in."""

    api_keys_file: Path | None = None
    """TOML file of hashed keys with names and limits of their own, read again when it changes."""

    rate_limit: Annotated[str, AfterValidator(_rate)] = ""
    """Submits that each key may send, such as 60/minute; empty for as many as it likes."""

    max_jobs_per_key: Annotated[int, Field(ge=0)] = 0
    """Jobs of one key that may wait and run at once; 0 for as many as are admitted."""

    cors_origins: str = ""
    """Origins of web pages that may call the API, comma-separated, or *; empty for none."""

    docs_enabled: bool = True
    """Serve /docs and /openapi.json."""

    metrics_enabled: bool = True
    """Serve /metrics, which needs no key, on the API's port."""

    openai_model_aliases: str = ""
    """Names, comma-separated, by which OpenAI clients may also ask for the model that is loaded,
    such as gpt-image-1 for a program in which that is written."""

    redis_url: Annotated[str, AfterValidator(check_redis_url)] = "redis://127.0.0.1:6379/0"
    """Redis that holds jobs and pictures: redis://, rediss:// or sentinel://, see docs/redis.md;
    ./run.sh starts one of its own where this is not set."""

    storage_url: Annotated[str, AfterValidator(_storage_url)] = "redis://"
    """Where pictures are kept: redis:// beside the jobs, file:///folder that all machines share, or
    s3://bucket/prefix; docs/storage.md."""

    storage_signed_urls: bool = False
    """Give clients addresses of the bucket itself, good for an hour, where they ask for a URL."""

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
    """Largest request body without a picture; past it 413."""

    max_image_bytes: Annotated[int, Field(ge=1024)] = 16 * 1024 * 1024
    """Largest request body where it carries pictures; past it 413."""

    webhook_secret: Annotated[SecretStr, AfterValidator(_some_secret)] = SecretStr("")
    """Signs webhooks: whsec_ and the base64 of 24-64 random bytes; several, comma-separated, while
    receivers change from one to the other; empty turns webhooks off."""

    webhook_allow_http: bool = False
    """Take webhook_url with http too, not only with https."""

    webhook_allowed_hosts: Annotated[str, AfterValidator(_allowed_hosts)] = ""
    """Hosts, addresses and networks that webhooks may go to though they are not public,
    comma-separated."""

    worker_name: str = "worker"
    """Name of a worker before the @ and its host; each worker on a machine needs its own."""

    worker_metrics_host: str = "127.0.0.1"
    """Address that a worker's /metrics listens on."""

    worker_metrics_port: Annotated[int, Field(ge=0, le=65535)] = 9101
    """Port of a worker's /metrics; each worker on a machine needs its own; 0 turns it off."""

    webhook_metrics_port: Annotated[int, Field(ge=0, le=65535)] = 9102
    """The same of the process that delivers webhooks."""

    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = (
        "info"
    )
    """debug, info, warning or error."""

    log_format: Annotated[LogFormat, BeforeValidator(_lower)] = "auto"
    """auto (console on a terminal, json elsewhere), console or json."""

    otel_exporter_otlp_endpoint: Annotated[str, AfterValidator(_collector_url)] = ""
    """Collector of OpenTelemetry that traces go to over HTTP, such as http://localhost:4318; empty
    sends none."""

    otel_exporter_otlp_headers: SecretStr = SecretStr("")
    """What the collector wants to be let in, such as api-key=secret, comma-separated."""

    flower_basic_auth: Annotated[SecretStr, AfterValidator(_logins)] = SecretStr("")
    """Logins of Flower, each user:password, comma-separated; where it is not set, ./run.sh
    --with-flower makes one up and prints it."""

    flower_port: Annotated[int, Field(ge=1, le=65535)] = 5555
    """Port of Flower, on loopback."""

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
    def sizes_to_compile(self) -> tuple[Size, ...]:
        """The sizes that the model is compiled for; none means the default one."""
        return _sizes_of(self.compile_shapes)

    @property
    def lifetime_seconds(self) -> int:
        """Longer than any job is there, and any call can wait for it."""
        return ceil(self.job_timeout + self.request_timeout) + self.result_ttl

    @property
    def named_models(self) -> dict[str, str]:
        """The sources of the models that have a name here."""
        return dict(item.split("=", 1) for item in _split(self.models))

    @property
    def api_keys(self) -> tuple[str, ...]:
        """The keys that are let in; none means that everyone is."""
        return _split(self.api_key.get_secret_value())

    @property
    def model_aliases(self) -> tuple[str, ...]:
        """What OpenAI clients may call the model, beside its own name."""
        return _split(self.openai_model_aliases)

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """The origins of the web pages that may call."""
        return _split(self.cors_origins)

    @property
    def webhook_secrets(self) -> tuple[bytes, ...]:
        """What webhooks are signed with; none means that they are off."""
        return tuple(map(_secret_bytes, _split(self.webhook_secret.get_secret_value())))

    @property
    def webhook_policy(self) -> WebhookPolicy:
        """Where webhooks may go."""
        return WebhookPolicy(
            enabled=bool(self.webhook_secrets),
            allow_http=self.webhook_allow_http,
            allowed_hosts=AllowedHosts.of(self.webhook_allowed_hosts),
        )


def load_settings() -> Settings:
    """Read the settings, or stop the process with a line for each wrong one."""
    try:
        return Settings()
    except ValidationError as error:
        raise SystemExit("\n".join(complaints(error))) from None


_SECRET = frozenset(
    {
        "api_key",
        "flower_basic_auth",
        "otel_exporter_otlp_headers",
        "redis_url",
        "storage_url",
        "webhook_secret",
    }
)


def complaints(error: ValidationError) -> list[str]:
    """Give a line for each wrong setting; a secret one is not shown."""
    lines = []
    for item in error.errors(include_url=False):
        name = str(item["loc"][0])
        value = "…" if name in _SECRET else item["input"]
        message = item["msg"].removeprefix("Value error, ")
        lines.append(f"Wrong setting {name.upper()}={value}: {message}.")
    return lines
