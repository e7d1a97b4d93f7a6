"""Which workers are alive, and what each of them has loaded: what `/health` and `/readyz` tell."""

from collections.abc import Iterable
from enum import StrEnum
from secrets import token_hex

from pydantic import BaseModel, ConfigDict
from redis import Redis

from shared.generation import Build
from shared.keys import PREFIX, WORKERS, WORKERS_CHANGE


class WorkerState(StrEnum):
    """What a worker is able to do."""

    LOADING = "loading"
    READY = "ready"


class ServedModel(BaseModel):
    """A model that a worker paints with when it is asked for."""

    model_config = ConfigDict(frozen=True)

    name: str
    """What requests call it."""

    warm: bool = False
    """It is loaded now."""

    build: Build | None = None
    """What it paints with; None until it was loaded once."""


class Heartbeat(BaseModel):
    """What a worker says of itself every few seconds."""

    model_config = ConfigDict(frozen=True)

    worker: str
    state: WorkerState
    build: Build | None = None
    """What it paints with by default; None until that model is loaded."""

    models: tuple[ServedModel, ...] = ()
    """All that it serves, the default first."""

    @property
    def served(self) -> tuple[ServedModel, ...]:
        """All that it serves, also where it tells only what it has loaded."""
        if self.models or self.build is None:
            return self.models
        return (ServedModel(name=self.build.model, warm=True, build=self.build),)

    @property
    def names(self) -> tuple[str, ...]:
        """What requests call the models that it serves, the default first."""
        return tuple(model.name for model in self.served)


class WorkerRegistry:
    """Keeps the last heartbeat of each worker for `ttl_seconds`."""

    def __init__(self, redis: Redis, *, ttl_seconds: float = 15) -> None:
        self._redis = redis
        self._ttl_seconds = ttl_seconds

    def announce(self, heartbeat: Heartbeat) -> None:
        """Say that a worker lives."""
        pipeline = self._redis.pipeline()
        pipeline.set(
            _key(heartbeat.worker), heartbeat.model_dump_json(), px=int(self._ttl_seconds * 1000)
        )
        pipeline.sadd(WORKERS, heartbeat.worker)
        pipeline.set(WORKERS_CHANGE, token_hex(8))
        pipeline.execute()

    def sign(self, worker: str, process: str) -> str | None:
        """Note which process has this name, and give the one that had it last, if it may live."""
        key, milliseconds = f"{PREFIX}process:{worker}", int(self._ttl_seconds * 1000)
        before = self._redis.set(key, process, px=milliseconds, get=True)
        return before.decode() if isinstance(before, bytes) else None

    def withdraw(self, worker: str) -> None:
        """Say that a worker has stopped."""
        pipeline = self._redis.pipeline()
        pipeline.delete(_key(worker))
        pipeline.srem(WORKERS, worker)
        pipeline.set(WORKERS_CHANGE, token_hex(8))
        pipeline.execute()

    def alive(self) -> list[Heartbeat]:
        """Give the last heartbeat of every worker that lives, those that are ready first."""
        names = sorted(name for name in self._redis.smembers(WORKERS) if isinstance(name, bytes))
        if not names:
            return []
        records = self._redis.mget([_key(name.decode()) for name in names])
        self._forget([name for name, record in zip(names, records, strict=True) if not record])
        beats = [Heartbeat.model_validate_json(record) for record in records if record]
        return sorted(beats, key=lambda beat: beat.state is not WorkerState.READY)

    def _forget(self, names: list[bytes]) -> None:
        # As many messages are let out as there are names; one that lives signs on again in seconds.
        if names:
            self._redis.srem(WORKERS, *names)


def names_of(beats: Iterable[Heartbeat]) -> list[str]:
    """Give what requests call the models that workers serve, each once and the default first."""
    return list(dict.fromkeys(name for beat in beats for name in beat.names))


def why_no_picture(alive: list[Heartbeat]) -> str | None:
    """Say why no picture can be made now, or None where one can."""
    states = {heartbeat.state for heartbeat in alive}
    if WorkerState.READY in states:
        return None
    if WorkerState.LOADING in states:
        return "the worker is loading its model"
    return "no worker is running"


def _key(worker: str) -> str:
    return f"{PREFIX}worker:{worker}"
