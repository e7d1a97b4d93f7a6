"""Reading metrics as Prometheus does."""

from collections.abc import Iterable
from dataclasses import dataclass

import httpx
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


@dataclass(frozen=True)
class Scrape:
    """What one process told, or several of them."""

    families: tuple[Metric, ...]

    @classmethod
    def parse(cls, *texts: str) -> "Scrape":
        parsed = (family for text in texts for family in text_string_to_metric_families(text))
        return cls(tuple(parsed))

    @classmethod
    def of(cls, *registries: CollectorRegistry) -> "Scrape":
        return cls.parse(*(generate_latest(registry).decode() for registry in registries))

    @classmethod
    def from_urls(cls, *urls: str) -> "Scrape":
        return cls.parse(*(httpx.get(url).raise_for_status().text for url in urls))

    @property
    def samples(self) -> Iterable[Sample]:
        return (sample for family in self.families for sample in family.samples)

    def names(self) -> set[str]:
        return {family.name for family in self.families}

    def has(self, name: str, **labels: str) -> bool:
        return any(_matches(sample, name, labels) for sample in self.samples)

    def sum(self, name: str, **labels: str) -> float:
        """Sum the samples that have at least these labels, as a query would."""
        found = [sample for sample in self.samples if _matches(sample, name, labels)]
        return sum(sample.value for sample in found)

    def counted(self, name: str) -> dict[tuple[str, ...], float]:
        """Give the samples of this name that are not 0, by the values of their labels."""
        return {
            tuple(sample.labels.values()): sample.value
            for sample in self.samples
            if sample.name == name and sample.value
        }


def _matches(sample: Sample, name: str, labels: dict[str, str]) -> bool:
    return sample.name == name and labels.items() <= sample.labels.items()
