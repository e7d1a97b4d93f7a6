"""Which service a command speaks to, and with which key."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from scripts.cli.client import Client
from scripts.home import home

_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104  # Compared with, not listened on.


class ClientSettings(BaseSettings):
    """What a client reads of the environment, and of the `.env` of a service on this machine."""

    model_config = SettingsConfigDict(
        env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True
    )

    semantic_bit_url: str | None = None
    semantic_bit_api_key: SecretStr | None = None
    host: str = "localhost"
    port: str = "8000"  # Whether it is one, the address shows that is made of it.
    api_key: SecretStr = SecretStr("")

    @property
    def url(self) -> str:
        """The service that is named, else the one on this machine."""
        if self.semantic_bit_url:
            return self.semantic_bit_url
        host = "localhost" if self.host in _EVERYWHERE else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def key(self) -> str:
        """The client's own key, else the first of those that a service here lets in."""
        if self.semantic_bit_api_key:
            return self.semantic_bit_api_key.get_secret_value().strip()
        return self.api_key.get_secret_value().partition(",")[0].strip()


def open_client(url: str | None, api_key: str | None) -> Client:
    """Give a client of the service that the arguments name, or else the environment.

    Raises:
        WrongUsage: That is no address.
    """
    told = ClientSettings(_env_file=home() / ".env")
    address = url or told.url
    return Client(address if "://" in address else f"http://{address}", api_key or told.key)
