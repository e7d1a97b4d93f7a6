"""A worker's counts, in processes as the worker has them."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.scrape import Scrape

ROOT = Path(__file__).resolve().parents[3]
PARENT_AND_TWO_CHILDREN = """
import os, signal
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from shared.exposition import exposed
from worker.shared_counts import share_counts

share_counts()
counts = CollectorRegistry()
counter = Counter("steps", "Steps.", registry=counts)
histogram = Histogram("wait_seconds", "Waits.", registry=counts)

def child():
    if os.fork() == 0:
        counter.inc(10)
        histogram.observe(2)
        os.kill(os.getpid(), signal.SIGKILL)
    os.wait()

counter.inc()
child()
counter.inc()
child()
print(generate_latest(exposed(counts)).decode())
folder = os.environ["PROMETHEUS_MULTIPROC_DIR"]
print("#", folder, len(os.listdir(folder)))
"""


class TestShareCounts:
    def test_keeps_what_the_parent_and_its_dead_children_have_counted(self, tmp_path: Path) -> None:
        output = run(tmp_path)
        seen = Scrape.parse(output)
        assert seen.sum("steps_total") == 22
        assert seen.sum("wait_seconds_count") == 2
        assert seen.sum("wait_seconds_sum") == 4

    def test_keeps_two_files_for_the_parent_and_two_for_all_children_and_leaves_none(
        self, tmp_path: Path
    ) -> None:
        _, folder, files = run(tmp_path).splitlines()[-1].split()
        assert int(files) == 4
        assert Path(folder).parent == tmp_path
        assert list(tmp_path.iterdir()) == []


def run(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PARENT_AND_TWO_CHILDREN],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
