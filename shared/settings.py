"""Every environment variable of the service, typed, described and checked at start."""

from math import ceil

from pydantic import ValidationError

from shared.setting_groups.api import ApiSettings
from shared.setting_groups.device import DeviceSettings, Size
from shared.setting_groups.keys import KeySettings
from shared.setting_groups.model import ModelSettings
from shared.setting_groups.requests import RequestSettings
from shared.setting_groups.storage import StorageSettings
from shared.setting_groups.watching import WatchingSettings
from shared.setting_groups.webhooks import WebhookSettings
from shared.setting_groups.worker import WorkerSettings

__all__ = ["Settings", "Size", "complaints", "load_settings"]


class Settings(  # Pydantic begins with the fields of the last.
    WatchingSettings,
    WebhookSettings,
    WorkerSettings,
    StorageSettings,
    RequestSettings,
    DeviceSettings,
    ModelSettings,
    KeySettings,
    ApiSettings,
):
    """All groups; each variable is named as its field is, in capitals."""

    @property
    def lifetime_seconds(self) -> int:
        """Longer than any job is there, and any call can wait for it."""
        return ceil(self.job_timeout + self.request_timeout) + self.result_ttl


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
