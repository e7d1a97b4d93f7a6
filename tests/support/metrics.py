"""Everything that the two kinds of processes show, each series with a value."""

from prometheus_client import CollectorRegistry, ProcessCollector
from redis import Redis

from api.broker_watch import BrokerWatch
from api.live_gauges import LiveGauges
from api.request_metrics import HttpMetrics
from shared.exposition import exposed
from shared.job_metrics import JobMetrics
from shared.job_parts import JobState
from shared.worker_registry import ServedModel, WorkerRegistry
from tests.support.builders import BUILD, LIMIT, job_in
from worker.metrics import WorkerMetrics


def api_registry(redis: Redis) -> CollectorRegistry:
    counts = CollectorRegistry()
    JobMetrics(counts)
    HttpMetrics(counts).served("GET", "/jobs/{job_id}", 200, 0.1)
    gauges = LiveGauges(redis, WorkerRegistry(redis), BrokerWatch("redis://nowhere"), limit=LIMIT)
    return exposed(counts, gauges, ProcessCollector(registry=None))


def worker_registry() -> CollectorRegistry:
    metrics = WorkerMetrics()
    metrics.changed(job_in(JobState.RUNNING), job_in(JobState.SUCCEEDED))
    metrics.model.loaded("demo", 1)
    metrics.model.serves([ServedModel(name="demo", warm=True, build=BUILD)])
    metrics.model.reads_memory_with(lambda: {"total": 2, "allocated": 1})
    return metrics.exposed()
