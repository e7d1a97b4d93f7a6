"""Who is let in, and how much each may ask for."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from shared.setting_groups.group import Group, split


def _some_key(keys: SecretStr) -> SecretStr:
    if keys.get_secret_value() and not split(keys.get_secret_value()):
        message = "must contain a key, or be empty to let everyone in"
        raise ValueError(message)
    return keys


_RATE = re.compile(r"[1-9]\d*/(second|minute|hour|day)")


def _rate(text: str) -> str:
    if text and not _RATE.fullmatch(text):
        message = "must be a number and a time, such as 60/minute or 1000/day"
        raise ValueError(message)
    return text


class KeySettings(Group):
    """Of callers."""

    api_key: Annotated[SecretStr, AfterValidator(_some_key)] = SecretStr("")
    """Bearer keys that are let in, comma-separated; empty, without API_KEYS_FILE, lets everyone
    in."""

    api_keys_file: Path | None = None
    """TOML file of hashed keys with names and limits of their own, read again when it changes."""

    rate_limit: Annotated[str, AfterValidator(_rate)] = ""
    """Submits that each key may send, such as 60/minute; empty for as many as it likes."""

    max_jobs_per_key: Annotated[int, Field(ge=0)] = 0
    """Jobs of one key that may wait and run at once; 0 for as many as are admitted."""

    @property
    def api_keys(self) -> tuple[str, ...]:
        """The keys that are let in; none means that everyone is."""
        return split(self.api_key.get_secret_value())
