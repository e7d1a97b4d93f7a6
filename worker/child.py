"""What is built in the process that paints, once it is forked."""

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from celery.signals import worker_process_shutdown
from redis import Redis

from shared.delivery_hint import hint_delivery
from shared.dispatcher import Dispatcher
from shared.event_log import EventLog
from shared.generation import Build
from shared.input_store import InputStore
from shared.job_queue import JobQueue
from shared.job_store import JobStore
from shared.live_workers import LiveWorkers
from shared.lora_registry import LoraRegistry
from shared.pace import PaceStore
from shared.prompt_tokenizer import PromptTokenizer
from shared.redis_client import WORKER_TIMEOUT_SECONDS, connect
from shared.settings import Settings
from shared.storage import checked_images_for
from shared.tokenizer_store import TokenizerStore
from shared.tracing import Tracing, connect_tracing
from shared.worker_groups import count_of, queue_name
from shared.worker_registry import ServedModel, WorkerRegistry
from worker.attempt import Attempts
from worker.batches import Batches
from worker.blocking import BlockingPipeline
from worker.finisher import Finisher
from worker.heartbeat import HeartbeatThread
from worker.lora_watch import LoraWatch
from worker.losses import Losses
from worker.metrics import CountedPipeline, OnAgain, ReadMemory, WorkerMetrics
from worker.metrics_server import serve_metrics
from worker.model_shelf import Loader, ModelShelf
from worker.model_source import NamedModel
from worker.painting import Pipeline
from worker.runner import Runner
from worker.slip import Slip
from worker.tasks import GenerateTask

_HEARTBEAT_SECONDS = 4.0
_RENEWALS_PER_LEASE = 4
_PACE_SECONDS = 10.0
"""What other workers of the same build have learned is known after so long."""
_FAREWELL_SECONDS = 5.0

Publish = Callable[[PromptTokenizer], None]
"""Is given the tokenizer of a model that is loaded."""

Load = Callable[[Settings, OnAgain, Publish], Loader]
"""Gives what loads models; what is tried a second time while they paint is told to `OnAgain`."""


def create_store(redis: Redis, settings: Settings, metrics: WorkerMetrics) -> JobStore:
    """Give the store of jobs that the settings describe, whose changes are counted."""
    return JobStore(
        redis,
        result_ttl=settings.result_ttl,
        lease_seconds=settings.lease_seconds,
        tell=metrics.changed,
    )


@dataclass(frozen=True)
class Child:
    """What a process of the pool needs to know of its worker."""

    task: GenerateTask
    load: Load
    settings: Settings
    name: str
    models: Sequence[NamedModel]
    """The default first."""

    metrics: WorkerMetrics
    wait_for_messages: Callable[[], None]
    """Returns when the parent takes messages."""

    slip: Slip

    def start(self) -> None:
        """Load the default model and let the task run jobs, with it and the others.

        Give back first what the process before this one has died over.

        Raises:
            ModelUnavailable: It cannot be loaded.
            StorageMisconfigured: No picture can be kept where the settings say.
        """
        settings = self.settings
        redis = connect(settings.redis_url, timeout_seconds=WORKER_TIMEOUT_SECONDS)
        store, queue = create_store(redis, settings, self.metrics), JobQueue(self.task.app, redis)
        workers = LiveWorkers(redis, WorkerRegistry(redis))
        dispatcher = Dispatcher(store, queue, workers)
        losses = Losses(store, dispatcher, self.name, max_attempts=settings.max_attempts)
        for job_id in self.slip.left():
            losses.give_back(job_id)
        images = checked_images_for(settings, redis)  # Here: its threads survive no fork.
        heartbeat = self._heartbeat(redis)
        self._serve_metrics()
        shelf = self._shelf(heartbeat)
        build = shelf.warm_up()
        self.metrics.model.reads_memory_with(memory_reader(build))
        pipeline = self._pipeline(shelf)
        tracing, finisher = connect_tracing(settings, "worker"), Finisher()
        attempts = Attempts(
            store=store,
            inputs=InputStore(redis, kept_seconds=settings.lifetime_seconds),
            images=images,
            events=EventLog(redis),
            paces=PaceStore(redis, fresh_seconds=_PACE_SECONDS),
            pipeline=pipeline,
            renew_seconds=settings.lease_seconds / _RENEWALS_PER_LEASE,
            step_timeout=settings.step_timeout,
            end_process=partial(end_process, finisher, tracing),
            dispatch=dispatcher.dispatch,
            announce=partial(hint_delivery, queue),
            tracing=tracing,
        )
        batches = self._batches(store, pipeline, workers)
        finish_before_the_end(finisher, tracing)
        self.task.behind = finisher
        self.task.runner = Runner(store, attempts, self.name, beside=batches.beside, slip=self.slip)
        self.wait_for_messages()
        heartbeat.ready(build)

    def _heartbeat(self, redis: Redis) -> HeartbeatThread:
        heartbeat = HeartbeatThread(
            WorkerRegistry(redis),
            TokenizerStore(redis),
            self.name,
            models=[ServedModel(name=model.name) for model in self.models],
            interval_seconds=_HEARTBEAT_SECONDS,
        )
        heartbeat.start()
        if folder := self.settings.lora_dir:
            registry = LoraRegistry(redis)
            LoraWatch(folder, registry, self.name, interval_seconds=_HEARTBEAT_SECONDS).start()
        return heartbeat

    def _serve_metrics(self) -> None:
        settings = self.settings
        serve_metrics(
            self.metrics.exposed(), settings.worker_metrics_host, settings.worker_metrics_port
        )

    def _shelf(self, heartbeat: HeartbeatThread) -> ModelShelf:
        def tell(models: Sequence[ServedModel]) -> None:
            self.metrics.model.serves(models)
            heartbeat.serves(models)

        return ModelShelf(
            self.models,
            self.load(self.settings, self.metrics.tried_again, heartbeat.keep),
            limit=self.settings.max_warm_models,
            on_change=tell,
            on_loaded=self.metrics.model.loaded,
        )

    def _pipeline(self, shelf: ModelShelf) -> Pipeline:
        counted = CountedPipeline(shelf, self.metrics)
        return BlockingPipeline(counted) if self.settings.safety_checker == "block" else counted

    def _batches(self, store: JobStore, pipeline: Pipeline, workers: LiveWorkers) -> Batches:
        names = frozenset(model.name for model in self.models)
        return Batches(
            store,
            pipeline,
            limit=self.settings.max_batch_size,
            models=names,
            workers=lambda: count_of(queue_name(names), workers.alive()),
        )


def finish_before_the_end(finisher: Finisher, tracing: Tracing) -> None:
    """Have a process that is stopped finish its pictures and send its last spans."""

    @worker_process_shutdown.connect(weak=False)
    def finish(**_: object) -> None:
        finisher.wait()
        tracing.stop()


def end_process(finisher: Finisher, tracing: Tracing) -> None:
    """End this process, whose device is broken; the pictures before may yet be finished."""
    finisher.wait(_FAREWELL_SECONDS)
    tracing.stop()
    os.kill(os.getpid(), signal.SIGKILL)


def memory_reader(build: Build) -> ReadMemory:
    """Give what reads the memory of the device that the model is on."""
    if build.device != "cuda":
        return dict
    from worker.device_memory import cuda_memory  # noqa: PLC0415  # Only this process has torch.

    return cuda_memory
