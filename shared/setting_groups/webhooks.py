"""How webhooks are signed, and where they may go."""

from base64 import b64decode
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from shared.setting_groups.group import Group, split
from shared.webhook_policy import AllowedHosts, WebhookPolicy

_PREFIX = "whsec_"
_SECRET_BYTES = range(24, 65)  # As Standard Webhooks has it.


def _some_secret(secrets: SecretStr) -> SecretStr:
    texts = split(secrets.get_secret_value())
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


class WebhookSettings(Group):
    """Of webhooks."""

    webhook_secret: Annotated[SecretStr, AfterValidator(_some_secret)] = SecretStr("")
    """Signs webhooks: whsec_ and the base64 of 24-64 random bytes; several, comma-separated, while
    receivers change from one to the other; empty turns webhooks off."""

    webhook_allow_http: bool = False
    """Take webhook_url with http too, not only with https."""

    webhook_allowed_hosts: Annotated[str, AfterValidator(_allowed_hosts)] = ""
    """Hosts, addresses and networks that webhooks may go to though they are not public,
    comma-separated."""

    webhook_metrics_port: Annotated[int, Field(ge=0, le=65535)] = 9102
    """The same of the process that delivers webhooks."""

    @property
    def webhook_secrets(self) -> tuple[bytes, ...]:
        """What webhooks are signed with; none means that they are off."""
        return tuple(map(_secret_bytes, split(self.webhook_secret.get_secret_value())))

    @property
    def webhook_policy(self) -> WebhookPolicy:
        """Where webhooks may go."""
        return WebhookPolicy(
            enabled=bool(self.webhook_secrets),
            allow_http=self.webhook_allow_http,
            allowed_hosts=AllowedHosts.of(self.webhook_allowed_hosts),
        )
