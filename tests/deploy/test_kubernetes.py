"""The manifests, as the API server would read them, and as our code has to."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from shared.settings import Settings
from tests.deploy.conftest import ROOT
from tests.support.scrape import Scrape

KUBERNETES = ROOT / "deploy" / "kubernetes"
BASE = KUBERNETES / "base"
VERSIONS = ("1.27", "1.32")

Document = dict[str, Any]


def documents(folder: Path = BASE) -> list[Document]:
    files = sorted(set(folder.glob("*.yaml")) - {folder / "kustomization.yaml"})
    return [document for file in files for document in yaml.safe_load_all(file.read_text())]


def of_kind(*kinds: str) -> list[Document]:
    return [document for document in documents() if document["kind"] in kinds]


def named(kind: str, name: str) -> Document:
    return next(it for it in of_kind(kind) if it["metadata"]["name"] == name)


def pods() -> dict[str, Document]:
    return {
        it["metadata"]["name"]: it["spec"]["template"]
        for it in of_kind("Deployment", "StatefulSet")
    }


def containers() -> Iterator[tuple[str, Document]]:
    for name, pod in pods().items():
        for container in pod["spec"]["containers"]:
            yield name, container


def variables(file: str) -> set[str]:
    lines = (BASE / file).read_text().splitlines()
    return {line.partition("=")[0] for line in lines if line and not line.startswith("#")}


SETTINGS = {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_document_is_one_that_the_api_server_takes(version: str) -> None:
    checked = [it for it in documents() if it["kind"] != "ScaledObject"]
    assert len(checked) > 10
    for document in checked:
        kubernetes_validate.validate(document, version, strict=True)


def test_a_document_that_is_wrong_is_found() -> None:
    wrong = named("Deployment", "api")
    wrong["spec"]["replica"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


@pytest.mark.parametrize("folder", ["base", "cpu"])
def test_both_folders_render(folder: str, tmp_path: Path) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    shutil.copytree(KUBERNETES, tmp_path / "kubernetes")
    secrets = tmp_path / "kubernetes" / "base" / "secrets.env"
    shutil.copy(BASE / "secrets.env.example", secrets)
    done = subprocess.run(
        [kubectl, "kustomize", str(tmp_path / "kubernetes" / folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unknown field" in done.stderr:
        pytest.skip("this kubectl is too old for the manifests")
    assert done.returncode == 0, done.stderr
    assert ("nvidia.com/gpu" in done.stdout) == (folder == "base")
    for document in yaml.safe_load_all(done.stdout):
        if document["kind"] != "ScaledObject":
            kubernetes_validate.validate(document, VERSIONS[-1], strict=True)


class TestSettings:
    def test_what_is_set_is_a_setting(self) -> None:
        assert variables("settings.env") <= SETTINGS
        assert variables("secrets.env.example") <= SETTINGS | {"REDIS_PASSWORD"}

    def test_every_secret_has_a_reader(self) -> None:
        keys = {
            variable["valueFrom"]["secretKeyRef"]["key"]
            for _, container in containers()
            for variable in container["env"]
            if "secretKeyRef" in variable.get("valueFrom", {})
        }
        assert keys == variables("secrets.env.example")

    def test_every_program_of_ours_finds_redis(self) -> None:
        for name, container in containers():
            variables = {"REDIS_URL", "CELERY_BROKER_URL"}
            urls = [it["value"] for it in container["env"] if it["name"] in variables]
            assert urls == ([] if name == "redis" else ["redis://:$(REDIS_PASSWORD)@redis:6379/0"])


class TestPods:
    def test_none_may_do_more_than_it_needs(self) -> None:
        for name, container in containers():
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
        for name, pod in pods().items():
            assert pod["spec"]["securityContext"]["runAsNonRoot"], name
            assert pod["spec"]["automountServiceAccountToken"] is False, name

    def test_each_says_what_it_needs_and_at_most_takes(self) -> None:
        for name, container in containers():
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), name
            assert "memory" in container["resources"]["limits"], name

    def test_run_the_images_of_compose(self) -> None:
        compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
        built = {service["image"] for service in compose.values() if "build" in service}
        assert {container["image"] for name, container in containers() if name != "redis"} == built

    def test_a_worker_has_a_gpu_of_its_own(self) -> None:
        resources = dict(containers())["worker"]["resources"]
        assert resources["limits"]["nvidia.com/gpu"] == 1

    def test_the_api_is_probed_where_it_answers(self) -> None:
        api = dict(containers())["api"]
        assert api["livenessProbe"]["httpGet"]["path"] == "/livez"
        assert api["readinessProbe"]["httpGet"]["path"] == "/readyz"

    def test_a_worker_may_finish_its_picture(self) -> None:
        grace = pods()["worker"]["spec"]["terminationGracePeriodSeconds"]
        assert grace > Settings(_env_file=None).step_timeout

    def test_only_our_programs_and_none_else_reach_redis(self) -> None:
        policy = named("NetworkPolicy", "redis")["spec"]["ingress"][0]["from"][0]
        clients = policy["podSelector"]["matchExpressions"][0]["values"]
        assert set(clients) == pods().keys() - {"redis"}


class TestScaling:
    def test_keda_reads_a_metric_that_the_api_has(self, shown: Scrape) -> None:
        trigger = named("ScaledObject", "worker")["spec"]["triggers"][0]["metadata"]
        assert trigger["url"].endswith("api.semantic-bit/metrics")
        assert trigger["valueLocation"] in shown.names()

    def test_there_is_always_a_worker(self) -> None:
        assert named("ScaledObject", "worker")["spec"]["minReplicaCount"] == 1

    def test_some_of_the_api_stays_when_a_node_goes(self) -> None:
        least = named("HorizontalPodAutoscaler", "api")["spec"]["minReplicas"]
        assert named("PodDisruptionBudget", "api")["spec"]["minAvailable"] < least
