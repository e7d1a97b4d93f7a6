"""What tells how the service does: logs, traces, Flower."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl, SecretStr

from shared.log import LogFormat
from shared.setting_groups.group import Group, lower, split


def _collector_url(url: str) -> str:
    if url:
        HttpUrl(url)
    return url


def _logins(logins: SecretStr) -> SecretStr:
    if not all(all(login.partition(":")) for login in split(logins.get_secret_value())):
        message = "must be user:password"
        raise ValueError(message)
    return logins


class WatchingSettings(Group):
    """Of logs, traces and Flower."""

    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(lower)] = (
        "info"
    )
    """debug, info, warning or error."""

    log_format: Annotated[LogFormat, BeforeValidator(lower)] = "auto"
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
