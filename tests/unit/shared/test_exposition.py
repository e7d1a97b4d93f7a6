"""What is told where processes share their counts; each of them run as one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.metrics_core import Metric

from shared.exposition import PREFIX, SHARED_FOLDER, exposed, gauge
from tests.support.scrape import Scrape

ROOT = Path(__file__).resolve().parents[3]
COUNTS_ONCE_AND_TELLS = """
from prometheus_client import CollectorRegistry, Counter, generate_latest
from shared.exposition import exposed
counts = CollectorRegistry()
Counter("semantic_bit_tests", "Tests.", registry=counts).inc()
print(generate_latest(exposed(counts)).decode())
"""


class OneGauge:
    def collect(self) -> list[Metric]:
        return [gauge("mood", "How it goes.", 7)]


class TestExposed:
    def test_tells_counts_and_what_is_read_now(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(SHARED_FOLDER, raising=False)
        counts = CollectorRegistry()
        Counter(f"{PREFIX}tests", "Tests.", registry=counts).inc(3)
        seen = Scrape.of(exposed(counts, OneGauge()))
        assert {sample.name: sample.value for sample in seen.samples} == {
            "semantic_bit_tests_total": 3,
            "semantic_bit_mood": 7,
        }

    def test_tells_the_counts_of_all_processes_that_share_a_folder(self, tmp_path: Path) -> None:
        environment = {**os.environ, SHARED_FOLDER: str(tmp_path)}
        told = [
            subprocess.run(
                [sys.executable, "-c", COUNTS_ONCE_AND_TELLS],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for _ in range(2)
        ]
        assert [Scrape.parse(text).sum("semantic_bit_tests_total") for text in told] == [1, 2]
