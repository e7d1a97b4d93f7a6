"""When each job that waits will have its picture."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from threading import Lock
from time import monotonic

from shared.job_store import JobStore
from shared.jobs import Job
from shared.pace import Pace, PaceStore, Work
from shared.worker_registry import WorkerRegistry, WorkerState

# A snapshot this old is as good as a new one, and cheaper.
_FRESH_SECONDS = 0.5

# But not for a job that has just come: those that came with it are not in it either. Where the
# queue is long, a look at it for each would cost more than such a few count.
_SHORT_QUEUE = 500


@dataclass(frozen=True)
class Lane:
    """A worker that paints: how fast, and the seconds until it is free."""

    pace: Pace
    busy_seconds: float


@dataclass(frozen=True)
class Forecast:
    """The queue as it was at a moment, played forward."""

    positions: Mapping[str, int]
    """Of the jobs that wait: 0 is next."""

    etas: Mapping[str, float | None]
    """Seconds until each of them has its picture; None where its worker's pace is not known."""

    next_start_seconds: float | None
    """Until a worker is free for one more job behind them all."""

    first_end_seconds: float | None
    """Until the first job ends, which makes room for another."""

    def eta_seconds(self, job_id: str, seconds_alone: float | None) -> float | None:
        """Give the estimate of a job; one that is not among them comes after them all."""
        if job_id in self.etas:
            return self.etas[job_id]
        if seconds_alone is None or self.next_start_seconds is None:
            return None
        return self.next_start_seconds + seconds_alone


def play_forward(queue: Sequence[tuple[str, Work]], lanes: Iterable[Lane]) -> Forecast:
    """Give each job, first come first served, to the worker that is free first."""
    free = [(lane.busy_seconds, number, lane.pace) for number, lane in enumerate(lanes)]
    heapify(free)
    ends = [busy for busy, _, _ in free if busy > 0]
    etas: dict[str, float | None] = {}
    known = bool(free)
    for job_id, work in queue:
        seconds = free[0][2].seconds(work) if known else None
        if seconds is None:
            known = False  # Nor when those behind it begin.
            etas[job_id] = None
            continue
        start, number, pace = heappop(free)
        heappush(free, (start + seconds, number, pace))
        etas[job_id] = start + seconds
        ends.append(start + seconds)
    return Forecast(
        positions={job_id: position for position, (job_id, _) in enumerate(queue)},
        etas=etas,
        next_start_seconds=free[0][0] if known else None,
        first_end_seconds=min(ends, default=None),
    )


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
        self._fastest: Pace | None = None

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
                self._fastest = lanes[0].pace if lanes else None
                self._forecast = play_forward(self._store.queue(), lanes)
                self._looked_at = monotonic()
            return self._forecast

    def eta_seconds(self, job: Job) -> float | None:
        """Estimate the seconds until a job has its picture; None at its end, or knowing nothing."""
        if job.state.is_final:
            return None
        if job.state.is_held:
            return job.eta_seconds(self._store.now())
        forecast = self.current()
        if job.id not in forecast.etas:
            is_short = len(forecast.positions) < _SHORT_QUEUE
            forecast = self._at_most(0 if is_short else self._fresh_seconds)
        alone = self._fastest.seconds(Work.of(job.request)) if self._fastest else None
        eta = forecast.eta_seconds(job.id, alone)
        return None if eta is None else round(eta, 1)

    def _lanes(self) -> list[Lane]:
        now = self._store.now()
        held = [job for job in self._store.get_many(self._store.held_ids()) if job is not None]
        busy = {job.worker: job.eta_seconds(now) or 0.0 for job in held}
        return [
            Lane(self._paces.of(beat.build), busy.get(beat.worker, 0.0))
            for beat in self._workers.alive()
            if beat.state is WorkerState.READY and beat.build is not None
        ]
