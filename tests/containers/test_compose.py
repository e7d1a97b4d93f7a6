"""What the Compose files promise, as far as it is written in them."""

import re

import pytest

from shared.settings import Settings
from tests.containers.files import (
    ROOT,
    compose,
    interpolated,
    listening_on,
    published,
    services,
)
from tests.containers.test_dockerfiles import modules_run

SERVICES = services()
SETTINGS = {name.upper() for name in Settings.model_fields}
OURS = ("api", "worker", "webhooks")
LIBRARIES_READ = {"HF_HOME", "CUDA_VISIBLE_DEVICES"}


@pytest.mark.parametrize("name", SERVICES)
class TestEachService:
    def test_is_started_again(self, name: str) -> None:
        assert SERVICES[name]["restart"] == "unless-stopped"

    def test_has_limits(self, name: str) -> None:
        limits = SERVICES[name]["deploy"]["resources"]["limits"]
        assert set(limits) == {"memory", "pids"}

    def test_can_change_nothing_but_its_data(self, name: str) -> None:
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["tmpfs"][0].startswith("/tmp:size=")

    def test_is_given_time_to_stop(self, name: str) -> None:
        assert re.fullmatch(r"\d+s", SERVICES[name]["stop_grace_period"])

    def test_keeps_its_log_small(self, name: str) -> None:
        assert set(SERVICES[name]["logging"]["options"]) == {"max-size", "max-file"}

    def test_waits_for_no_other(self, name: str) -> None:
        assert isinstance(SERVICES[name].get("depends_on", []), list)


class TestWorker:
    def test_may_finish_the_picture_that_a_client_waits_for(self) -> None:
        seconds = int(SERVICES["worker"]["stop_grace_period"].removesuffix("s"))
        assert seconds > Settings(_env_file=None).request_timeout

    def test_has_shared_memory_and_a_cache_that_is_kept(self) -> None:
        worker = SERVICES["worker"]
        assert worker["shm_size"] == "1gb"
        assert f"model-cache:{worker['environment']['HF_HOME']}" in worker["volumes"]


class TestPorts:
    def test_of_redis_are_not_published(self) -> None:
        assert published(SERVICES["redis"]) == []
        assert "network_mode" not in SERVICES["redis"]

    def test_of_the_api_alone_are_published_beyond_this_machine(self) -> None:
        beyond = [
            name
            for name, service in SERVICES.items()
            if any(not port.startswith("127.0.0.1:") for port in published(service))
        ]
        assert beyond == ["api"]

    def test_are_those_of_the_settings(self) -> None:
        settings = Settings(_env_file=None)
        taken = interpolated("docker-compose.yml")
        assert taken["HOST"] == settings.host
        assert taken["PORT"] == str(settings.port)
        assert taken["FLOWER_PORT"] == str(settings.flower_port)

    def test_are_those_that_the_images_listen_on(self) -> None:
        ends = {
            name: {port.rpartition(":")[2] for port in published(SERVICES[name])}
            for name in ("api", "flower")
        }
        assert ends == {name: listening_on(name) for name in ends}
        assert SERVICES["api"]["environment"]["PORT"] in ends["api"]
        for name, variable in (
            ("worker", "WORKER_METRICS_PORT"),
            ("webhooks", "WEBHOOK_METRICS_PORT"),
        ):
            assert {SERVICES[name]["environment"][variable]} == listening_on(name)


class TestEnvironment:
    @pytest.mark.parametrize("name", OURS)
    def test_comes_from_the_file_of_settings(self, name: str) -> None:
        assert SERVICES[name]["env_file"] == ".env"

    @pytest.mark.parametrize("name", OURS)
    def test_has_settings_that_there_are(self, name: str) -> None:
        assert set(SERVICES[name]["environment"]) - LIBRARIES_READ - SETTINGS == set()

    def test_of_the_override_has_settings_that_there_are(self) -> None:
        override = compose("docker-compose.cpu.yml")["services"]["worker"]
        assert set(override["environment"]) - SETTINGS == set()

    @pytest.mark.parametrize("variable", ["REDIS_PASSWORD", "FLOWER_BASIC_AUTH"])
    def test_has_to_have_a_password_and_says_which(self, variable: str) -> None:
        assert f"${{{variable}:?set it in .env to " in (ROOT / "docker-compose.yml").read_text()


class TestExampleFile:
    MARK = "# Of docker-compose.yml only: the programs themselves do not read what follows.\n"

    def test_ends_with_what_compose_takes_beyond_the_settings(self) -> None:
        _, mark, below = (ROOT / ".env.example").read_text().partition(self.MARK)
        named = re.findall(r"^(?:# )?([A-Z][A-Z0-9_]*)=", below, re.MULTILINE)
        taken = {**interpolated("docker-compose.yml"), **interpolated("docker-compose.cpu.yml")}
        assert mark
        assert sorted(named) == sorted(set(taken) - SETTINGS)

    def test_shows_the_defaults_of_these(self) -> None:
        _, _, below = (ROOT / ".env.example").read_text().partition(self.MARK)
        shown = dict(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]*)=(.*)", below, re.MULTILINE))
        taken = {**interpolated("docker-compose.yml"), **interpolated("docker-compose.cpu.yml")}
        assert shown == {name: taken[name] or "" for name in shown}


class TestCommands:
    def test_run_modules_that_there_are(self) -> None:
        commands = " ".join(str(service.get("command", "")) for service in SERVICES.values())
        assert modules_run(commands) == {"worker.webhooks.main"}
        assert (ROOT / "worker" / "webhooks" / "main.py").is_file()


class TestGpu:
    def test_is_reserved_for_the_worker(self) -> None:
        reserved = {
            name
            for name, service in SERVICES.items()
            if "reservations" in service["deploy"]["resources"]
        }
        assert reserved == {"worker"}

    def test_is_not_wanted_where_there_is_none(self) -> None:
        worker = compose("docker-compose.cpu.yml")["services"]["worker"]
        assert worker["deploy"]["resources"] == {"reservations": None}
        assert worker["environment"] == {"DEVICE": "cpu"}
