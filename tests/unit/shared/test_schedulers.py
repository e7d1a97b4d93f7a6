from pathlib import Path

import pytest

from shared.generation import Scheduler
from shared.schedulers import SCHEDULERS, SchedulerEntry, entry_of, names_of, scheduler_named

PAGE = Path(__file__).resolve().parents[3] / "docs" / "schedulers.md"


def row(entry: SchedulerEntry) -> str:
    karras = "yes" if entry.takes_karras else "no"
    noise = "yes" if entry.is_stochastic else "no"
    name = entry.scheduler.value
    return (
        f"| `{name}` | {entry.a1111} | `{entry.setting}` | {karras} | {noise} | {entry.passes} | "
        f"{entry.description} |"
    )


class TestTable:
    def test_has_each_scheduler_once_in_the_order_of_their_names(self) -> None:
        assert [entry.scheduler for entry in SCHEDULERS] == list(Scheduler)

    @pytest.mark.parametrize("entry", SCHEDULERS, ids=lambda entry: entry.scheduler.value)
    def test_finds_each_by_all_of_its_names_in_any_case(self, entry: SchedulerEntry) -> None:
        assert entry_of(entry.scheduler) is entry
        for name in names_of(entry):
            for spelling in (name, name.upper(), f" {name} ", name.replace("_", "-")):
                assert scheduler_named(spelling) is entry.scheduler

    @pytest.mark.parametrize("name", ["", "DPM++", "DPM++ SDE", "PLMS", "euler b", "karras"])
    def test_knows_no_others(self, name: str) -> None:
        assert scheduler_named(name) is None

    def test_is_in_the_documentation(self) -> None:
        lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
        assert lines == [row(entry) for entry in SCHEDULERS]
