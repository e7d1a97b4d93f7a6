"""Configuration, alerts and names, as Prometheus' own tool and our code see them."""

import re
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from shared.settings import Settings
from tests.deploy.conftest import PROMETHEUS, ROOT, Promtool
from tests.deploy.queries import metrics_in, unknown_in
from tests.support.scrape import Scrape

Rule = dict[str, Any]


def rules() -> list[Rule]:
    (group,) = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    found: list[Rule] = group["rules"]
    return found


RULES = {rule["alert"]: rule for rule in rules()}


class TestConfiguration:
    @pytest.mark.parametrize("name", ["prometheus.yml", "containers.yml"])
    def test_is_what_prometheus_takes(self, promtool: Promtool, name: str) -> None:
        promtool("check", "config", PROMETHEUS / name)

    def test_scrapes_the_ports_that_processes_listen_on_where_nothing_else_is_set(self) -> None:
        configuration = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
        targets = {
            job["job_name"]: job["static_configs"][0]["targets"]
            for job in configuration["scrape_configs"]
        }
        settings = Settings(_env_file=None)
        assert targets == {
            "semantic-bit-api": [f"localhost:{settings.port}"],
            "semantic-bit-worker": [f"localhost:{settings.worker_metrics_port}"],
            "semantic-bit-webhooks": [f"localhost:{settings.webhook_metrics_port}"],
        }


class TestAlerts:
    def test_fire_when_they_should_and_only_then(self, promtool: Promtool) -> None:
        promtool("test", "rules", PROMETHEUS / "alerts_test.yml")

    def test_are_each_tested_to_fire(self) -> None:
        tests = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
        cases = [case for test in tests for case in test["alert_rule_test"]]
        assert {case["alertname"] for case in cases if case.get("exp_alerts")} == set(RULES)
        assert {case["alertname"] for case in tests[0]["alert_rule_test"]} == set(RULES)

    @pytest.mark.parametrize("name", RULES)
    def test_ask_for_what_is_shown(self, name: str, shown: Scrape) -> None:
        assert unknown_in(RULES[name]["expr"], shown) == set()

    @pytest.mark.parametrize("name", RULES)
    def test_lead_to_what_is_to_be_done(self, name: str) -> None:
        page, anchor = RULES[name]["annotations"]["runbook"].split("#")
        assert anchor in anchors((ROOT / page).read_text())
        words = re.sub(r"(?<!^)([A-Z])", r"-\1", name.removeprefix("SemanticBit")).lower()
        assert anchor == words


class TestExposition:
    @pytest.mark.parametrize("process", ["api", "worker"])
    def test_keeps_the_conventions(
        self, process: str, registries: dict[str, CollectorRegistry], promtool: Promtool
    ) -> None:
        text = generate_latest(registries[process]).decode()
        assert promtool("check", "metrics", text=text) == ""

    def test_has_one_prefix_beside_that_of_the_process(self, shown: Scrape) -> None:
        prefixes = ("semantic_bit_", "process_")
        assert [name for name in shown.names() if not name.startswith(prefixes)] == []

    def test_explains_each_metric_in_a_sentence(self, shown: Scrape) -> None:
        ours = [family for family in shown.families if family.name.startswith("semantic_bit_")]
        assert [
            family.name for family in ours if not re.fullmatch(r"[A-Z].+\.", family.documentation)
        ] == []

    def test_is_what_the_page_on_operations_lists(self, shown: Scrape) -> None:
        page = (ROOT / "docs" / "operations.md").read_text()
        listed = set(re.findall(r"^\| `(semantic_bit_\w+)", page, re.MULTILINE))
        ours = {
            f"{family.name}_total" if family.type == "counter" else family.name
            for family in shown.families
            if family.name.startswith("semantic_bit_")
        }
        assert listed == ours


class TestQueries:
    def test_that_ask_for_nothing_known_are_found_out(self, shown: Scrape) -> None:
        query = 'sum by (color) (rate(semantic_bit_jobs_finished_total{shape="round"}[5m])) / up'
        assert unknown_in(query, shown) == {"color", "shape"}
        assert unknown_in("semantic_bit_nonsense_total", shown) == {"semantic_bit_nonsense_total"}
        assert metrics_in(query) == {"semantic_bit_jobs_finished_total"}


def anchors(page: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
