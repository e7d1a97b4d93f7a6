"""What the API listens on, serves and lets through."""

from typing import Annotated

from pydantic import Field

from shared.setting_groups.group import Group, split


class ApiSettings(Group):
    """Of the API's process, but for its keys."""

    host: str = "0.0.0.0"  # noqa: S104  # Reached from other machines, as the Django site's is.
    """Address that the API listens on; 127.0.0.1 for this machine only."""

    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    """Port of the API."""

    reload: bool = False
    """Restart the API when its code changes (development)."""

    max_concurrent_requests: Annotated[int, Field(ge=1)] = 100
    """Jobs admitted at once, waiting and running together; past it 429."""

    request_timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 60
    """Seconds that a blocking call waits for its picture; past it 504, and the job goes on."""

    max_body_bytes: Annotated[int, Field(ge=1024)] = 65536
    """Largest request body without a picture; past it 413."""

    max_image_bytes: Annotated[int, Field(ge=1024)] = 16 * 1024 * 1024
    """Largest request body where it carries pictures; past it 413."""

    cors_origins: str = ""
    """Origins of web pages that may call the API, comma-separated, or *; empty for none."""

    docs_enabled: bool = True
    """Serve /docs and /openapi.json."""

    metrics_enabled: bool = True
    """Serve /metrics, which needs no key, on the API's port."""

    openai_model_aliases: str = ""
    """Names, comma-separated, by which OpenAI clients may also ask for the model that is loaded,
    such as gpt-image-1 for a program in which that is written."""

    @property
    def model_aliases(self) -> tuple[str, ...]:
        """What OpenAI clients may call the model, beside its own name."""
        return split(self.openai_model_aliases)

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """The origins of the web pages that may call."""
        return split(self.cors_origins)
