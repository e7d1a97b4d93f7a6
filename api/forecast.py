"""When each job that waits will have its picture."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from time import monotonic

from shared.job_store import JobStore
from shared.jobs import Job
from shared.pace import Pace, PaceStore, Work
from shared.worker_registry import Heartbeat, WorkerRegistry, WorkerState

# A snapshot this old is as good as a new one, and cheaper.
_FRESH_SECONDS = 0.5

# But not for a job that has just come and is not behind all that are known: others came with it.
# Where the queue is long, a look at it for each would cost more than such a few count.
_SHORT_QUEUE = 500


@dataclass(frozen=True)
class Lane:
    """A worker that paints: how fast, and the seconds until it is free."""

    pace: Pace
    """Of its default model."""

    busy_seconds: float
    paces: Mapping[str, Pace] | None = None
    """Of each model that it serves; None where it serves every one at the same pace."""

    @property
    def models(self) -> frozenset[str] | None:
        """What it serves; None for everything."""
        return None if self.paces is None else frozenset(self.paces)

    def serves(self, model: str | None) -> bool:
        """Say whether it may get a job for this model."""
        return model is None or self.paces is None or model in self.paces

    def pace_of(self, model: str | None) -> Pace:
        """Give the pace of a model that it serves."""
        return self.pace if model is None or self.paces is None else self.paces[model]


@dataclass(frozen=True)
class Forecast:
    """The queue as it was at a moment, played forward."""

    positions: Mapping[str, int]
    """Of the jobs that wait: how many before it are for workers that may get it; 0 is next."""

    etas: Mapping[str, float | None]
    """Seconds until each of them has its picture; None where its worker's pace is not known."""

    next_start_seconds: float | None
    """Until a worker is free for one more job behind them all."""

    first_end_seconds: float | None
    """Until the first job ends, which makes room for another."""

    is_divided: bool = False
    """Some jobs are for other workers than others are."""

    def eta_seconds(self, job_id: str, seconds_alone: float | None) -> float | None:
        """Give the estimate of a job; one that is not among them comes after them all."""
        if job_id in self.etas:
            return self.etas[job_id]
        if seconds_alone is None or self.next_start_seconds is None:
            return None
        return self.next_start_seconds + seconds_alone


def play_forward(queue: Sequence[tuple[str, Work]], lanes: Iterable[Lane]) -> Forecast:
    """Give each job, first come first served, to the worker that is free first."""
    return _play([_Worker(lane) for lane in lanes], queue)


def _play(workers: Sequence["_Worker"], queue: Sequence[tuple[str, Work]]) -> Forecast:
    ends = [worker.free_at for worker in workers if worker.free_at > 0]
    etas: dict[str, float | None] = {}
    for job_id, work in queue:
        etas[job_id] = end = _give(work, workers)
        if end is not None:
            ends.append(end)
    known = bool(workers) and all(worker.is_known for worker in workers)
    return Forecast(
        positions=_positions(queue, [worker.lane for worker in workers]),
        etas=etas,
        next_start_seconds=min(worker.free_at for worker in workers) if known else None,
        first_end_seconds=min(ends, default=None),
        is_divided=len({worker.lane.models for worker in workers}) > 1,
    )


@dataclass
class _Worker:
    """A lane as the jobs of the queue are given to it."""

    lane: Lane
    is_known: bool = True

    def __post_init__(self) -> None:
        self.free_at = self.lane.busy_seconds


def _give(work: Work, everybody: Sequence[_Worker]) -> float | None:
    workers = [worker for worker in everybody if worker.lane.serves(work.model)]
    if not workers or not all(worker.is_known for worker in workers):
        return None
    first = min(workers, key=lambda worker: worker.free_at)
    seconds = first.lane.pace_of(work.model).seconds(work)
    if seconds is None:
        for worker in workers:
            worker.is_known = False  # Nor when those behind it begin.
        return None
    first.free_at += seconds
    return first.free_at


def _positions(queue: Sequence[tuple[str, Work]], lanes: Sequence[Lane]) -> dict[str, int]:
    rivals: dict[str | None, set[str | None]] = {}
    models = {work.model for _, work in queue}
    for model in models:
        rivals[model] = {other for other in models if _meet(model, other, lanes)}
    before: Counter[str | None] = Counter()
    positions = {}
    for job_id, work in queue:
        positions[job_id] = sum(before[rival] for rival in rivals[work.model])
        before[work.model] += 1
    return positions


def _meet(model: str | None, other: str | None, lanes: Sequence[Lane]) -> bool:
    return model == other or any(lane.serves(model) and lane.serves(other) for lane in lanes)


@dataclass(frozen=True)
class _Joined:
    """A job that has come since the last look."""

    end: float | None
    job_id: str | None = None
    """None while nobody has asked for it."""


class Forecaster:
    """Looks at queue and workers, twice a second and for what has just come; safe in threads."""

    def __init__(
        self,
        store: JobStore,
        workers: WorkerRegistry,
        paces: PaceStore,
        *,
        fresh_seconds: float = _FRESH_SECONDS,
    ) -> None:
        self._store = store
        self._workers = workers
        self._paces = paces
        self._fresh_seconds = fresh_seconds
        self._lock = Lock()
        self._looked_at = float("-inf")
        self._forecast = play_forward([], [])
        self._workers_ahead: list[_Worker] = []
        self._joined: list[_Joined] = []
        self._fastest: Lane | None = None

    def current(self) -> Forecast:
        """Give the forecast of this moment.

        Raises:
            RedisError: Redis does not answer.
        """
        return self._at_most(self._fresh_seconds)

    def _at_most(self, seconds_old: float) -> Forecast:
        with self._lock:
            if monotonic() - self._looked_at > seconds_old:
                lanes = self._lanes()
                self._fastest = lanes[0] if lanes else None
                self._workers_ahead = [_Worker(lane) for lane in lanes]
                self._forecast = _play(self._workers_ahead, self._store.queue())
                self._joined = []
                self._looked_at = monotonic()
            return self._forecast

    def eta_seconds(self, job: Job, rank: int | None = None) -> float | None:
        """Estimate the seconds until a job has its picture; None at its end, or knowing nothing.

        `rank` counts the jobs before it, where that is known already.
        """
        if job.state.is_final:
            return None
        if job.state.is_held:
            return job.eta_seconds(self._store.now())
        work = Work.of(job.request)
        forecast = self.current()
        if job.id not in forecast.etas:
            joined = self._join(job.id, work, rank)
            if joined is not None:
                return _rounded(joined.end)
            is_short = len(forecast.positions) < _SHORT_QUEUE
            forecast = self._at_most(0 if is_short else self._fresh_seconds)
        return _rounded(forecast.eta_seconds(job.id, self._seconds_alone(work)))

    def _join(self, job_id: str, work: Work, rank: int | None) -> _Joined | None:
        """Play jobs forward to this one, if it waits behind all that are known.

        Those of the same burst that are on their way here are taken for jobs like this one.
        """
        with self._lock:
            place = -1 if rank is None else rank - len(self._forecast.positions)
            if place < 0:
                return None
            while len(self._joined) <= place:
                self._joined.append(_Joined(_give(work, self._workers_ahead)))
            joined = self._joined[place]
            if joined.job_id not in {None, job_id}:
                return None  # That one has moved up meanwhile.
            self._joined[place] = replace(joined, job_id=job_id)
            return joined

    def position(self, job: Job, rank: int | None) -> int | None:
        """Give how many jobs wait before this one for the same workers; `rank` counts all jobs."""
        if rank is None or not self.current().is_divided:
            return rank
        return self.current().positions.get(job.id, rank)

    def _seconds_alone(self, work: Work) -> float | None:
        lane = self._fastest
        return lane.pace_of(work.model).seconds(work) if lane and lane.serves(work.model) else None

    def _lanes(self) -> list[Lane]:
        now = self._store.now()
        held = [job for job in self._store.get_many(self._store.held_ids()) if job is not None]
        busy: dict[str | None, float] = {}
        for job in held:  # Two of a worker that finishes one picture while it paints the next.
            eta = job.eta_seconds(now) or 0.0
            busy[job.worker] = max(eta, busy.get(job.worker, 0.0))
        return [
            Lane(self._paces.of(beat.build), busy.get(beat.worker, 0.0), self._paces_of(beat))
            for beat in self._workers.alive()
            if beat.state is WorkerState.READY and beat.build is not None
        ]

    def _paces_of(self, beat: Heartbeat) -> dict[str, Pace]:
        return {
            model.name: self._paces.of(model.build) if model.build else Pace({})
            for model in beat.served
        }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
