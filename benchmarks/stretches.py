"""Where the time of a blocking call goes, by the times in its record."""

import itertools
from collections.abc import Sequence

from benchmarks.connection import Answer
from benchmarks.records import end_of
from benchmarks.report import Figure
from shared.job_store import JobStore

_NAMES = (
    "until the job has its record",
    "until a worker has claimed it",
    "until the worker has recorded its end",
    "until the answer is there",
)


def stretches(store: JobStore, answers: Sequence[Answer]) -> tuple[Figure, ...]:
    """Give the milliseconds between the turning points of these calls."""
    columns = zip(*(_of(store, answer) for answer in answers), strict=True)
    return tuple(
        Figure.middle(f"ours, {name}", column, "ms")
        for name, column in zip(_NAMES, columns, strict=True)
    )


def _of(store: JobStore, answer: Answer) -> list[float]:
    job = store.get(answer.headers["x-job-id"])
    assert job.started_at is not None
    points = [
        answer.ended_at - answer.seconds,
        job.created_at.timestamp(),
        job.started_at.timestamp(),
        end_of(job).timestamp(),
        answer.ended_at,
    ]
    return [(later - earlier) * 1000 for earlier, later in itertools.pairwise(points)]
