"""The pictures that a job begins with, as they lie in Redis."""

from dataclasses import dataclass

from shared.input_store import InputStore
from shared.jobs import Job


class InputGone(Exception):
    """A picture that the job begins with is not kept any more."""


@dataclass(frozen=True)
class Inputs:
    """PNGs; none where a picture begins with noise alone."""

    init_image: bytes | None = None
    mask: bytes | None = None


NO_INPUTS = Inputs()


def read_inputs(store: InputStore, job: Job) -> Inputs:
    """Give the pictures that a job begins with.

    Raises:
        InputGone: One of them is not there.
    """

    def read(reference: str | None) -> bytes | None:
        if reference is None:
            return None
        png = store.get(job.owner, reference)
        if png is None:
            raise InputGone(reference)
        return png

    return Inputs(init_image=read(job.request.init_image), mask=read(job.request.mask))
