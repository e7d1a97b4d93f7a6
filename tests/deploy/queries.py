"""What PromQL queries ask for, and whether it is there."""

import re

from tests.support.scrape import Scrape

_METRIC = re.compile(r"\b(?:semantic_bit|process)_\w+")
_SELECTOR = re.compile(r"\b(\w+)\{([^}]*)\}")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPING = re.compile(r"\bby \(([^)]*)\)")

# Prometheus itself gives these to every sample, and its alerts have these.
_FROM_PROMETHEUS = {"instance", "job"}
_NOT_OURS = {"up", "ALERTS"}


def metrics_in(query: str) -> set[str]:
    """Give the names of the metrics that a query asks for."""
    return set(_METRIC.findall(query))


def unknown_in(query: str, shown: Scrape) -> set[str]:
    """Give the metrics and labels of a query that are not among what is shown."""
    labels: dict[str, set[str]] = {}
    for sample in shown.samples:
        labels.setdefault(sample.name, set()).update(sample.labels)
    unknown = metrics_in(query) - labels.keys()
    for name, selector in _SELECTOR.findall(query):
        if name not in _NOT_OURS | unknown:
            unknown |= set(_LABEL.findall(selector)) - labels.get(name, set()) - _FROM_PROMETHEUS
    known = set().union(*(labels.get(name, set()) for name in metrics_in(query)))
    for grouping in _GROUPING.findall(query):
        unknown |= {label.strip() for label in grouping.split(",")} - known - _FROM_PROMETHEUS
    return unknown
