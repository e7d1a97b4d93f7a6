"""Is it alive, is it able, and with what."""

from typing import Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from redis.exceptions import RedisError

from api.dependencies import CurrentSettings, Workers, require_broker
from shared.errors import ModelNotLoaded
from shared.generation import Build, Scheduler
from shared.schedulers import entry_of
from shared.worker_registry import Heartbeat, WorkerState, why_no_picture

router = APIRouter(tags=["service"])


class Defaults(BaseModel):
    """What requests get for the fields they leave out."""

    steps: int
    guidance_scale: float
    height: int
    width: int


class GeneratorInfo(BaseModel):
    """What paints; the first four are null while no worker has a model loaded."""

    model_id: str | None
    model_revision: str | None
    device: str | None
    dtype: str | None
    scheduler: str
    defaults: Defaults


class WorkerView(BaseModel):
    """A worker, without the name of its host."""

    worker: str
    state: WorkerState
    build: Build | None

    @classmethod
    def of(cls, heartbeat: Heartbeat) -> Self:
        """Show a worker."""
        name = heartbeat.worker.partition("@")[0]
        return cls(worker=name, state=heartbeat.state, build=heartbeat.build)


class Health(BaseModel):
    """The state of the whole service."""

    status: str
    """`healthy`, or `degraded` where no picture can be made now."""

    model_loaded: bool
    generator_info: GeneratorInfo
    workers: list[WorkerView]
    reason: str | None
    """Why no picture can be made now."""


class Status(BaseModel):
    """A word."""

    status: str


@router.get("/health")
def health(settings: CurrentSettings, workers: Workers) -> Health:
    """Describe the service; always 200, whatever state it is in."""
    try:
        alive = workers.alive()
        reason = why_no_picture(alive)
    except RedisError:
        alive, reason = [], "Redis does not answer"
    return Health(
        status="degraded" if reason else "healthy",
        model_loaded=reason is None,
        generator_info=_describe(
            next((worker.build for worker in alive if worker.build), None),
            settings.scheduler_type,
            Defaults(
                steps=settings.default_steps,
                guidance_scale=settings.default_guidance_scale,
                height=settings.default_height,
                width=settings.default_width,
            ),
        ),
        workers=[WorkerView.of(heartbeat) for heartbeat in alive],
        reason=reason,
    )


@router.get("/livez")
async def livez() -> Status:  # Not in a thread: those may all wait for Redis.
    """Say that this process serves requests."""
    return Status(status="alive")


@router.get("/readyz", dependencies=[Depends(require_broker)])
def readyz(workers: Workers) -> Status:
    """Say that a picture can be made now; 503 with the reason otherwise."""
    reason = why_no_picture(workers.alive())
    if reason:
        raise ModelNotLoaded(reason)
    return Status(status="ready")


def _describe(build: Build | None, scheduler: Scheduler, defaults: Defaults) -> GeneratorInfo:
    return GeneratorInfo(
        model_id=build and build.model,
        model_revision=build and build.model_revision,
        device=build and build.device,
        dtype=build and build.dtype,
        scheduler=entry_of(scheduler).setting,
        defaults=defaults,
    )
