"""What the images promise, as far as it is written in their Dockerfiles."""

import re
from pathlib import Path

import pytest

from scripts.requirements import requirements
from shared import VERSION
from tests.containers.files import DOCKERFILES, ROOT, Stage, inherited, services, stages

IMAGES = [
    ("Dockerfile.api", "api"),
    ("Dockerfile.api", "webhooks"),
    ("Dockerfile.api", "flower"),
    ("Dockerfile.worker", "worker"),
]
INSTALLS = "pip --python"
CODE = {"api", "shared", "worker"}


def every_stage() -> list[Stage]:
    return [stage for name in DOCKERFILES for stage in stages(name).values()]


def modules_run(text: str) -> set[str]:
    """Give the modules of ours that a command runs."""
    return set(re.findall(r"-m[\", ]+((?:api|worker|scripts)\.[\w.]+)", text))


@pytest.mark.parametrize(("name", "target"), IMAGES)
class TestImage:
    def test_runs_as_a_user_that_is_not_root(self, name: str, target: str) -> None:
        assert inherited(name, target, "USER")[-1] == "10001:10001"
        last = [word for word, _ in stages(name)[target].instructions]
        assert "RUN" not in last[last.index("USER") :]

    def test_has_an_init_that_passes_signals_on(self, name: str, target: str) -> None:
        assert inherited(name, target, "ENTRYPOINT") == ['["tini", "--"]']

    def test_says_whether_its_process_lives(self, name: str, target: str) -> None:
        (check,) = inherited(name, target, "HEALTHCHECK")
        assert modules_run(check.replace("python -m", "-m")) == {"scripts.healthcheck"}

    def test_says_what_it_is(self, name: str, target: str) -> None:
        labels = " ".join(inherited(name, target, "LABEL"))
        said = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", labels))
        assert said == {"title", "description", "licenses", "version", "revision"}
        assert f"VERSION={VERSION}" in inherited(name, target, "ARG")

    def test_has_the_modules_that_it_runs(self, name: str, target: str) -> None:
        copied = " ".join(inherited(name, target, "COPY"))
        commands = " ".join(inherited(name, target, "CMD") + inherited(name, target, "HEALTHCHECK"))
        for module in modules_run(commands):
            file = f"{module.replace('.', '/')}.py"
            assert (ROOT / file).is_file()
            assert file in copied or file.partition("/")[0] in copied.split()

    def test_is_run_by_compose(self, name: str, target: str) -> None:
        builds = {
            (service["build"]["dockerfile"], service["build"].get("target", "worker"))
            for service in services().values()
            if "build" in service
        }
        assert (name, target) in builds


class TestLayers:
    def test_of_dependencies_do_not_see_the_code(self) -> None:
        for stage in every_stage():
            if any(INSTALLS in command for command in stage.of("RUN")):
                sources = {part for copy in stage.of("COPY") for part in copy.split()[:-1]}
                assert sources & CODE == set(), stage.name
                assert "pyproject.toml" not in sources, stage.name

    def test_of_dependencies_are_locked(self) -> None:
        installs = [
            command for stage in every_stage() for command in stage.of("RUN") if INSTALLS in command
        ]
        assert len(installs) == 4
        assert [one for one in installs if "--constraint /requirements.lock.txt" not in one] == []

    def test_at_the_bottom_are_the_same_in_all_images(self) -> None:
        first, second = (stages(name)["base"] for name in DOCKERFILES)
        assert first == second

    @pytest.mark.parametrize("name", DOCKERFILES)
    def test_rest_on_an_image_that_can_be_chosen(self, name: str) -> None:
        assert "\nARG BASE=python:3.11-slim-bookworm\n" in (ROOT / name).read_text()
        assert {stage.base for stage in stages(name).values()} - set(stages(name)) == {"${BASE}"}


class TestBuildContext:
    LET_THROUGH = tuple(
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    )

    def test_leaves_out_whatever_is_not_named(self) -> None:
        lines = (ROOT / ".dockerignore").read_text().splitlines()
        assert next(line for line in lines if not line.startswith("#")) == "*"
        assert [path for path in self.LET_THROUGH if not (ROOT / path).exists()] == []

    def test_has_all_that_is_copied(self) -> None:
        copies = [
            copy
            for stage in every_stage()
            for copy in stage.of("COPY")
            if not copy.startswith("--from")
        ]
        sources = {part for copy in copies for part in copy.split()[:-1]}
        assert {
            path for path in sources if Path(path).parts[0] not in {*self.LET_THROUGH, "models"}
        } == set()


class TestRequirements:
    PYPROJECT = (ROOT / "pyproject.toml").read_text()

    @staticmethod
    def names(*extras: str) -> set[str]:
        needed = requirements(TestRequirements.PYPROJECT, *extras)
        return {re.split(r"[\[<>=; ]", item)[0] for item in needed}

    def test_of_the_api_are_without_what_paints(self) -> None:
        names = self.names("api", "webhooks", "tracing")
        assert {"celery", "fastapi", "httpx", "opentelemetry-sdk"} <= names
        assert names.isdisjoint({"torch", "diffusers", "transformers"})

    def test_of_the_worker_are_without_what_speaks_http(self) -> None:
        names = self.names("worker", "tracing")
        assert {"celery", "torch", "diffusers", "opentelemetry-sdk"} <= names
        assert names.isdisjoint({"fastapi", "uvicorn", "flower"})

    def test_that_are_not_known_are_named(self) -> None:
        with pytest.raises(KeyError, match="gpu"):
            requirements(self.PYPROJECT, "gpu")
