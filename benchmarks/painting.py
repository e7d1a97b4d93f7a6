"""Asking for one picture, and reading in its record what the worker has measured."""

from dataclasses import dataclass

from benchmarks.bare import SIZE, STEPS
from benchmarks.clients import Session
from benchmarks.records import timings_of
from shared.generation import Timings
from shared.job_store import JobStore


@dataclass(frozen=True)
class Painted:
    """What a picture took."""

    total: float
    """Seconds of the request over HTTP."""

    timings: Timings

    @property
    def stages(self) -> float:
        """Seconds of the model and the PNG, as the record has them."""
        times = self.timings
        return times.text + times.denoise + times.decode + times.encode

    @property
    def bare(self) -> float:
        """Seconds of the bare call and its PNG, of a request that was marked."""
        return self.timings.denoise


def paint(
    client: Session, store: JobStore, prompt: str, *, size: int = SIZE, steps: int = STEPS
) -> Painted:
    """Ask for a picture and wait for it."""
    answer = client.post(
        "/generate", prompt=prompt, seed=0, width=size, height=size, num_inference_steps=steps
    ).expect(200)
    return Painted(answer.seconds, timings_of(store.get(answer.headers["x-job-id"])))
