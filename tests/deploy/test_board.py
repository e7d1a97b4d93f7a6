"""The Grafana board: every panel asks for something that is there, in a language that is one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.conftest import ROOT, Promtool
from tests.deploy.queries import metrics_in, unknown_in
from tests.support.scrape import Scrape

BOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "semantic-bit.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in BOARD["panels"] if panel["type"] != "row"]


def queries() -> Iterator[str]:
    for panel in PANELS:
        for target in panel["targets"]:
            yield target["expr"]


class TestBoard:
    @pytest.mark.parametrize("query", sorted(set(queries())))
    def test_asks_for_what_is_shown(self, query: str, shown: Scrape) -> None:
        assert unknown_in(query, shown) == set()

    def test_asks_in_promql(self, promtool: Promtool, tmp_path: Path) -> None:
        rules = [
            {"record": f"panel:{number}", "expr": query.replace("$__rate_interval", "1m")}
            for number, query in enumerate(queries())
        ]
        file = tmp_path / "rules.yml"
        file.write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))
        promtool("check", "rules", file)

    def test_tells_of_every_metric(self, shown: Scrape) -> None:
        told = set().union(*map(metrics_in, queries()))
        ours = {family.name for family in shown.families if family.name.startswith("semantic_bit_")}
        assert {name for name in ours if not any(t.startswith(name) for t in told)} == set()

    def test_lets_the_viewer_choose_the_data_source(self) -> None:
        assert [variable["type"] for variable in BOARD["templating"]["list"]] == ["datasource"]
        sources = {panel["datasource"]["uid"] for panel in PANELS}
        assert sources == {"${datasource}"}

    def test_explains_every_panel(self) -> None:
        assert [panel["title"] for panel in PANELS if not panel["description"].endswith(".")] == []

    def test_has_no_panel_on_another(self) -> None:
        taken: set[tuple[int, int]] = set()
        for panel in BOARD["panels"]:
            at = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(at["x"], at["x"] + at["w"])
                for y in range(at["y"], at["y"] + at["h"])
            }
            assert not cells & taken, panel["title"]
            assert max(x for x, _ in cells) < 24
            taken |= cells

    def test_numbers_its_panels_once(self) -> None:
        numbers = [panel["id"] for panel in BOARD["panels"]]
        assert len(numbers) == len(set(numbers))
