"""Dockerfiles and Compose files, read as their tools read them."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = ("Dockerfile.api", "Dockerfile.worker")

Service = dict[str, Any]


# With this tag an override takes something away.
yaml.add_constructor("!reset", lambda *_: None, Loader=yaml.SafeLoader)


@dataclass
class Stage:
    """One stage of a Dockerfile: its instructions, in their order."""

    name: str
    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def of(self, keyword: str) -> list[str]:
        return [text for word, text in self.instructions if word == keyword]


def compose(name: str = "docker-compose.yml") -> dict[str, Any]:
    """Give a Compose file, with what its anchors stand for."""
    found: dict[str, Any] = yaml.safe_load((ROOT / name).read_text())
    return found


def services() -> dict[str, Service]:
    found: dict[str, Service] = compose()["services"]
    return found


def interpolated(name: str) -> dict[str, str | None]:
    """Give the variables that a Compose file takes, each with its default where it has one."""
    text = (ROOT / name).read_text()
    found = re.findall(r"(?<!\$)\$\{([A-Z_]+)(?::?-([^}]*))?", text)
    return {variable: default or None for variable, default in found}


def stages(name: str) -> dict[str, Stage]:
    """Give the stages of a Dockerfile by their names."""
    found: dict[str, Stage] = {}
    current = Stage("", "")
    for line in _logical_lines((ROOT / name).read_text()):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, stage = rest.partition(" AS ")
            current = found[stage] = Stage(stage, base)
        else:
            current.instructions.append((word, " ".join(rest.split())))
    return found


def inherited(name: str, target: str, keyword: str) -> list[str]:
    """Give an instruction's texts in a stage and those that it is built upon, oldest first."""
    every = stages(name)
    texts: list[str] = []
    while target in every:
        texts = every[target].of(keyword) + texts
        target = every[target].base
    return texts


def published(service: Service) -> list[str]:
    ports: list[str] = service.get("ports", [])
    return ports


def listening_on(name: str) -> set[str]:
    """Give the ports that a service's image says it listens on."""
    build = services()[name]["build"]
    exposed = inherited(build["dockerfile"], build.get("target", "worker"), "EXPOSE")
    return set(exposed)


def _logical_lines(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return "\n".join(lines).replace("\\\n", " ").splitlines()
