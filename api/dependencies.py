"""What routes ask for."""

from typing import Annotated, cast

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry

from api.blocking_call import BlockingCall
from api.event_feed import EventFeeds
from api.live_loras import LiveLoras
from api.live_models import LiveModels
from api.prompt_readers import PromptReaders
from api.services import Services
from api.waiter import Waiter
from shared.errors import BrokerUnavailable
from shared.event_log import EventLog
from shared.input_store import InputStore
from shared.lora_registry import LoraRegistry
from shared.settings import Settings
from shared.worker_registry import WorkerRegistry


def services_of(request: Request) -> Services:
    """Give the parts of this process."""
    return cast("Services", request.app.state.services)


# Coroutines, though they wait for nothing: FastAPI would give each of them to a thread. And none of
# them depends on another: it would go through that again wherever it is asked for.
async def require_broker(request: Request) -> None:
    """Refuse at once what needs Redis while it is away.

    Raises:
        BrokerUnavailable: It is.
    """
    if not services_of(request).broker.available:
        raise BrokerUnavailable


async def _settings(request: Request) -> Settings:
    return services_of(request).settings


async def _prompt_readers(request: Request) -> PromptReaders:
    return services_of(request).prompts


async def _inputs(request: Request) -> InputStore:
    return services_of(request).inputs


async def _waiter(request: Request) -> Waiter:
    return services_of(request).waiter


async def _feeds(request: Request) -> EventFeeds:
    return services_of(request).feeds


async def blocking_call(request: Request) -> BlockingCall:
    """Give what waits for clients."""
    return services_of(request).blocking_call


async def _live_models(settings: "CurrentSettings", workers: "Workers") -> LiveModels:
    return LiveModels(workers, settings.model_aliases)


async def _live_loras(request: Request) -> LiveLoras:
    return LiveLoras(LoraRegistry(services_of(request).redis))


async def _event_log(request: Request) -> EventLog:
    return EventLog(services_of(request).redis)


async def _workers(request: Request) -> WorkerRegistry:
    return services_of(request).workers


async def _metrics(request: Request) -> CollectorRegistry:
    return services_of(request).metrics


CurrentSettings = Annotated[Settings, Depends(_settings)]
CurrentInputs = Annotated[InputStore, Depends(_inputs)]
CurrentBlockingCall = Annotated[BlockingCall, Depends(blocking_call)]
Feeds = Annotated[EventFeeds, Depends(_feeds)]
CurrentPromptReaders = Annotated[PromptReaders, Depends(_prompt_readers)]
CurrentWaiter = Annotated[Waiter, Depends(_waiter)]
CurrentMetrics = Annotated[CollectorRegistry, Depends(_metrics)]
Workers = Annotated[WorkerRegistry, Depends(_workers)]
CurrentEventLog = Annotated[EventLog, Depends(_event_log)]
CurrentLiveLoras = Annotated[LiveLoras, Depends(_live_loras)]
CurrentLiveModels = Annotated[LiveModels, Depends(_live_models)]
