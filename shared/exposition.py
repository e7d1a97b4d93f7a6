"""What a scrape of a process is told."""

import os
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

PREFIX = "semantic_bit_"
"""Of the names of all our metrics."""

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable of prometheus_client that names a folder of counts which processes share."""


def exposed(counts: CollectorRegistry, *live: Collector) -> CollectorRegistry:
    """Put together what was counted and what is read anew at each scrape.

    Where processes share a folder, the counts are those of all of them, the dead ones too.
    """
    # As many series again, which nobody asks for.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    shared = os.environ.get(SHARED_FOLDER)
    registry.register(_of_all(shared) if shared else counts)
    for collector in live:
        registry.register(collector)
    return registry


def gauge(
    name: str, text: str, value: float | None = None, *, labels: Sequence[str] | None = None
) -> GaugeMetricFamily:
    """Give a gauge for one scrape, with its value or with the labels that values will have."""
    return GaugeMetricFamily(f"{PREFIX}{name}", text, value=value, labels=labels)


def _of_all(folder: str) -> Collector:
    collector: Collector = MultiProcessCollector(None, folder)  # type: ignore[no-untyped-call]
    return collector
