import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from scripts.cli.connection import ClientSettings, open_client
from scripts.cli.failures import WrongUsage

Environment = Callable[..., ClientSettings]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    def read(**variables: str) -> ClientSettings:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return ClientSettings(_env_file=None)

    return read


class TestUrl:
    @pytest.mark.parametrize(
        ("variables", "url"),
        [
            ({}, "http://localhost:8000"),
            ({"PORT": "8123"}, "http://localhost:8123"),
            ({"PORT": "8123", "HOST": "0.0.0.0"}, "http://localhost:8123"),
            ({"HOST": "127.0.0.1"}, "http://127.0.0.1:8000"),
            ({"HOST": "::1"}, "http://[::1]:8000"),
            ({"PORT": "8123", "SEMANTIC_BIT_URL": "https://away/sub"}, "https://away/sub"),
        ],
    )
    def test_is_the_one_that_is_named_else_this_machine_s(
        self, environment: Environment, variables: dict[str, str], url: str
    ) -> None:
        assert environment(**variables).url == url

    @pytest.mark.parametrize(
        ("given", "url"),
        [("away:81", "http://away:81"), ("https://away/sub/", "https://away/sub/")],
    )
    def test_of_the_arguments_wins_and_may_leave_out_http(self, given: str, url: str) -> None:
        assert open_client(given, None).url == url

    def test_that_is_none_is_refused(self, environment: Environment) -> None:
        environment(PORT="many")
        with pytest.raises(WrongUsage, match="http://localhost:many is no address"):
            open_client(None, None)


class TestKey:
    @pytest.mark.parametrize(
        ("variables", "key"),
        [
            ({}, ""),
            ({"API_KEY": "one, two"}, "one"),
            ({"API_KEY": "one", "SEMANTIC_BIT_API_KEY": "mine"}, "mine"),
        ],
    )
    def test_is_the_client_s_own_else_the_first_of_the_service_s(
        self, environment: Environment, variables: dict[str, str], key: str
    ) -> None:
        assert environment(**variables).key == key

    def test_is_read_from_the_file_of_the_service(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("API_KEY=kept\nPORT=8123\nMODEL_ID=x\n")
        settings = ClientSettings(_env_file=tmp_path / ".env")
        assert (settings.key, settings.port) == ("kept", "8123")
        assert isinstance(settings.api_key, SecretStr)
        assert "API_KEY" not in os.environ

    def test_that_no_header_can_carry_is_refused_without_being_shown(self) -> None:
        with pytest.raises(WrongUsage) as failure:
            open_client(None, "sec\nret")
        assert "ret" not in failure.value.message
