"""What every group of settings is made with."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class Group(BaseSettings):
    """What the environment says, then the file `.env`, then the defaults.

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


def lower(value: object) -> object:
    """Let a value be written in any case."""
    return value.strip().lower() if isinstance(value, str) else value


def split(items: str) -> tuple[str, ...]:
    """Give what commas separate."""
    return tuple(item.strip() for item in items.split(",") if item.strip())
