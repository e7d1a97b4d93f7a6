"""What the records of jobs say about the time that they took."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from benchmarks.bare import PROMPT
from benchmarks.connection import Answer, Ask
from shared.generation import Timings
from shared.jobs import Job


def asks(
    count: int, path: str = "/jobs", *, size: int = 512, steps: int = 28, seed: int = 0
) -> Iterable[Ask]:
    """Give so many requests for pictures with seeds of their own."""
    common: dict[str, object] = {
        "prompt": PROMPT,
        "width": size,
        "height": size,
        "num_inference_steps": steps,
    }
    return (Ask("POST", path, {**common, "seed": seed + number}) for number in range(count))


def ids_of(answers: Iterable[Answer]) -> list[str]:
    """Give the ids of the jobs that were accepted."""
    return [answer.expect(202).json()["id"] for answer in answers]


def timings_of(job: Job) -> Timings:
    """Give the seconds of a finished job's stages."""
    assert job.result is not None, job
    return job.result.timings


def span_seconds(jobs: Sequence[Job]) -> float:
    """Give the seconds from the first start to the last end."""
    starts = [job.started_at for job in jobs if job.started_at is not None]
    return (max(map(end_of, jobs)) - min(starts)).total_seconds()


def end_of(job: Job) -> datetime:
    """Give when a finished job ended."""
    assert job.finished_at is not None, job
    return job.finished_at
