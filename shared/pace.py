"""How long pictures take on a build, learned from the ones that were painted there."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, log
from time import monotonic
from typing import Self

from pydantic import BaseModel, ConfigDict
from redis import Redis

from shared.generation import Build, GenerationRequest, Timings
from shared.keys import PREFIX
from shared.schedulers import entry_of

# Guidance runs the model twice for each step: with the prompt and without it.
_COST_OF_GUIDANCE = 2
_USUAL_COST = 512 * 512 * 28 * _COST_OF_GUIDANCE
# A new measurement counts this much at least, so that the pace follows a machine that changes.
_SMALLEST_WEIGHT = 0.2
_KEPT_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True)
class Work:
    """What a request asks of a worker."""

    width: int
    height: int
    steps: int
    guided: bool
    passes: int = 1
    """How often a step of the scheduler runs the model, guidance apart."""

    model: str | None = None
    """Which it is for; None for any."""

    @classmethod
    def of(cls, request: GenerationRequest) -> Self:
        """Give the work of a request."""
        guided = request.guidance_scale > 1
        passes = entry_of(request.scheduler).passes
        size = (request.width, request.height)
        return cls(*size, request.steps_run, guided, passes, request.model)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` has written."""
        width, height, steps, guided, *more = text.split(" ", 5)
        passes, *model = more or ["1"]
        numbers = (int(width), int(height), int(steps), bool(int(guided)), int(passes))
        return cls(*numbers, *model)

    def __str__(self) -> str:
        """Write it in short, for Redis."""
        numbers = f"{self.width} {self.height} {self.steps} {self.guided:d} {self.passes}"
        return numbers if self.model is None else f"{numbers} {self.model}"

    @property
    def cost(self) -> float:
        """Compare it with 28 guided steps at 512x512, which cost 1."""
        return self.shape.cost_of_step * self.steps / _USUAL_COST

    @property
    def shape(self) -> "Shape":
        """What decides how long a step takes."""
        return Shape(width=self.width, height=self.height, guided=self.guided, passes=self.passes)


class Shape(BaseModel):
    """Pictures whose steps take equally long."""

    model_config = ConfigDict(frozen=True)

    width: int
    height: int
    guided: bool
    passes: int = 1

    @property
    def cost_of_step(self) -> int:
        """Pixels that go through the model for a step."""
        return self.pixels * self.passes * (_COST_OF_GUIDANCE if self.guided else 1)

    @property
    def pixels(self) -> int:
        """Pixels of the picture."""
        return self.width * self.height


class ShapePace(BaseModel):
    """What pictures of a shape take."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    step_seconds: float
    """A sampler step."""

    rest_seconds: float
    """Everything else: text, decoding, encoding."""

    pictures: int = 1
    """How many were measured."""

    def seconds(self, steps: int) -> float:
        """Estimate the seconds of `steps` sampler steps and all the rest."""
        return steps * self.step_seconds + self.rest_seconds

    def of_batch(self, size: int) -> Self:
        """Give what so many pictures at once take at most."""
        times = {"step_seconds": self.step_seconds, "rest_seconds": self.rest_seconds}
        return self.model_copy(update={name: size * seconds for name, seconds in times.items()})

    def learned(self, seen: Self) -> Self:
        """Give the pace after one more picture."""
        weight = max(1 / (self.pictures + 1), _SMALLEST_WEIGHT)
        return self.model_copy(
            update={
                "step_seconds": _between(self.step_seconds, seen.step_seconds, weight),
                "rest_seconds": _between(self.rest_seconds, seen.rest_seconds, weight),
                "pictures": self.pictures + 1,
            }
        )


class Pace:
    """What pictures of every shape take on one build."""

    def __init__(self, shapes: Mapping[Shape, ShapePace]) -> None:
        self._shapes = shapes

    def of(self, shape: Shape) -> ShapePace | None:
        """Give the pace of a shape, scaled from the nearest where it is new; None knowing none."""
        if shape in self._shapes:
            return self._shapes[shape]
        if not self._shapes:
            return None
        nearest = min(self._shapes, key=lambda known: _distance(known, shape))
        known = self._shapes[nearest]
        return ShapePace(
            step_seconds=known.step_seconds * shape.cost_of_step / nearest.cost_of_step,
            rest_seconds=known.rest_seconds * shape.pixels / nearest.pixels,
        )

    def with_shape(self, shape: Shape, pace: ShapePace) -> Self:
        """Give the same with one shape's pace as it is now."""
        return type(self)({**self._shapes, shape: pace})

    def seconds(self, work: Work) -> float | None:
        """Estimate the seconds of a job on the worker, or None where nothing is known."""
        pace = self.of(work.shape)
        return pace.seconds(work.steps) if pace else None


class PaceStore:
    """Keeps in Redis what each build has been seen to take."""

    def __init__(self, redis: Redis, *, fresh_seconds: float = 0) -> None:
        """Take for how long to trust what others may have learned more of since."""
        self._redis = redis
        self._fresh_seconds = fresh_seconds
        self._read: dict[str, tuple[float, Pace]] = {}

    def of(self, build: Build) -> Pace:
        """Give what is known of a build."""
        key = _key(build)
        read_at, pace = self._read.get(key, (-inf, Pace({})))
        if monotonic() - read_at >= self._fresh_seconds:
            pace = self._look(key)
            self._read[key] = monotonic(), pace
        return pace

    def _look(self, key: str) -> Pace:
        known = self._redis.hgetall(key)
        return Pace(
            {
                Shape.model_validate_json(shape): ShapePace.model_validate_json(pace)
                for shape, pace in known.items()
            }
        )

    def learn(self, build: Build, work: Work, timings: Timings, *, batch_size: int = 1) -> None:
        """Learn from a finished picture; from one of a batch, what its share of the time was."""
        seen = ShapePace(
            step_seconds=timings.denoise / work.steps / batch_size,
            rest_seconds=max(timings.total - timings.denoise, 0) / batch_size,
        )
        key, shape = _key(build), work.shape.model_dump_json(exclude_defaults=True)
        known = self._redis.hget(key, shape)
        pace = ShapePace.model_validate_json(known).learned(seen) if known else seen
        pipeline = self._redis.pipeline()
        pipeline.hset(key, shape, pace.model_dump_json())
        pipeline.expire(key, _KEPT_SECONDS)
        pipeline.execute()
        read_at, known_pace = self._read.get(key, (-inf, Pace({})))
        self._read[key] = read_at, known_pace.with_shape(work.shape, pace)


def _between(old: float, new: float, weight: float) -> float:
    return old + (new - old) * weight


def _distance(one: Shape, other: Shape) -> tuple[bool, bool, float]:
    return (
        one.guided != other.guided,
        one.passes != other.passes,
        abs(log(one.pixels / other.pixels)),
    )


def _key(build: Build) -> str:
    fingerprint = hashlib.sha256(build.model_dump_json().encode()).hexdigest()
    return f"{PREFIX}pace:{fingerprint[:16]}"
