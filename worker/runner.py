"""Runs jobs: claims one, and those that are painted with it; has them painted, and finished."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from secrets import token_hex

from PIL import Image

from shared.errors import AttemptLost, JobAlreadyTaken, ServiceError
from shared.job_store import JobStore
from shared.jobs import Job
from shared.log import get_logger
from worker.attempt import Attempts, RunningAttempt
from worker.batches import Beside, alone
from worker.finisher import Behind, finish_now
from worker.lease import Canceled
from worker.painting import DeviceLost, Lane, OnStep, Outcome, outcome_of
from worker.slip import Slip

_log = get_logger(__name__)


@dataclass(frozen=True)
class _Claimed:
    job: Job
    token: str


_EndEarly = Callable[[RunningAttempt, Exception], None]


class Runner:
    """Runs jobs by their ids, each to an outcome in its record; paints one batch at a time."""

    def __init__(
        self,
        store: JobStore,
        attempts: Attempts,
        worker: str,
        *,
        beside: Beside = alone,
        slip: Slip | None = None,
    ) -> None:
        """Take the parts, and the name that jobs are claimed under.

        On the slip is what would have to be given back, should this process die.
        """
        self._store = store
        self._attempts = attempts
        self._pipeline = attempts.pipeline
        self._worker = worker
        self._beside = beside
        self._slip = slip or Slip()

    def run(self, job_id: str, behind: Behind = finish_now) -> str:
        """Run the job, unless it is not there to claim: a message may come twice, or late.

        Say in a word, for people who look at the queue, what has become of it when the device is
        free for the next one. `behind` does the rest.
        """
        first = self._claim(job_id)
        if first is None:
            return "nothing to claim"
        claimed = [first, *self._claim_beside(first.job)]
        attempts = [
            self._attempts.of(one.job, one.token, batch_size=len(claimed)) for one in claimed
        ]
        try:
            return self._run(attempts, behind)
        except BaseException as error:  # Other attempts paint them.
            for attempt in attempts:
                attempt.leave()
            if isinstance(error, Exception):  # Else the process ends, and the next reads the slip.
                for attempt in attempts:
                    self._slip.remove(attempt.job.id)
            raise

    def _run(self, attempts: list[RunningAttempt], behind: Behind) -> str:
        """Have them painted; one that ends early is taken out: from then it is another thread's."""
        lanes = {one: lane for one in attempts if (lane := one.begin()) is not None}

        def end_early(attempt: RunningAttempt, error: Exception) -> None:
            if attempt in attempts:
                attempts.remove(attempt)
                behind([partial(self._end, attempt, error)], early=True)

        outcomes = self._paint(lanes, end_early)
        words = [one.painted(outcomes.get(one)) for one in attempts]
        behind([partial(self._finish, one) for one in attempts])
        return words[0] if words else "stopped"

    def _paint(
        self, lanes: Mapping[RunningAttempt, Lane], end_early: _EndEarly
    ) -> dict[RunningAttempt, Outcome]:
        """Give what became of each; in a batch, one that stops does not wait for the others."""
        try:
            if len(lanes) > 1:
                stoppable = [
                    replace(lane, on_step=_told(lane.on_step, partial(end_early, one)))
                    for one, lane in lanes.items()
                ]
                return dict(zip(lanes, self._pipeline.generate_batch(stoppable), strict=True))
            return {one: self._paint_alone(lane) for one, lane in lanes.items()}
        except DeviceLost as error:
            return dict.fromkeys(lanes, error)

    def _paint_alone(self, lane: Lane) -> Outcome:
        return outcome_of(lambda: self._pipeline.generate(lane.request, lane.on_step, lane.inputs))

    def _end(self, attempt: RunningAttempt, error: Exception) -> None:
        attempt.painted(error)
        self._finish(attempt)

    def _finish(self, attempt: RunningAttempt) -> None:
        try:
            attempt.finish()
        finally:
            self._slip.remove(attempt.job.id)

    def _claim_beside(self, first: Job) -> list[_Claimed]:
        claimed: list[_Claimed] = []
        try:
            for job_id in self._beside(first):
                if (one := self._claim(job_id)) is not None:
                    claimed.append(one)  # noqa: PERF401  # Those before an error are kept.
        except Exception as error:  # noqa: BLE001  # The first can be painted without them.
            _log.warning("no more claimed", job_id=first.id, reason=type(error).__name__)
        return claimed

    def _claim(self, job_id: str) -> _Claimed | None:
        token = token_hex(8)

        def claim(job: Job, now: datetime) -> Job:
            seconds = self._attempts.seconds_of(job)
            expected_at = None if seconds is None else now + timedelta(seconds=seconds)
            return job.claim(token, self._worker, now, expected_at=expected_at)

        self._slip.add(job_id)
        try:
            return _Claimed(self._store.hold(job_id, claim), token)
        except (JobAlreadyTaken, ServiceError) as refusal:
            _log.info("nothing to claim", job_id=job_id, reason=str(refusal))
            self._slip.remove(job_id)
            return None
        except Exception:
            self._slip.remove(job_id)  # Should it be claimed all the same, its lease ends.
            raise


def _told(on_step: OnStep, tell: Callable[[Exception], None]) -> OnStep:
    def tell_and_raise(step: int, preview: Callable[[], Image.Image] | None = None) -> None:
        try:
            on_step(step, preview)
        except (Canceled, AttemptLost) as error:  # A preview may fail with the device, for all.
            tell(error)
            raise

    return tell_and_raise
