"""How a picture compares with itself, painted again; and if it came out otherwise, why."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict

from api.claim import Claim
from api.pixels import decode, difference
from shared.generation import Build, GenerationResult
from shared.jobs import Job
from shared.loras import LoraUsed
from shared.picture_metadata import PROGRAM, PictureResult
from shared.png_text import read_png

if TYPE_CHECKING:
    from PIL.Image import Image


class Change(BaseModel):
    """A part of the build that is not what it was."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    recorded: str | int | bool | None
    """In the picture; null where it does not say."""

    now: str | int | bool | None
    """In the build that painted it again; null where that has no such part."""


class Verification(BaseModel):
    """How a picture compares with itself, painted again."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {
                    "equal": False,
                    "job_id": "0b8c2b0e-6f53-4a52-a5a6-4a2f5a3f7f39",
                    "pixels_differing": 0.0012,
                    "largest_difference": 1,
                    "build": {"threads": {"recorded": 8, "now": 2}},
                    "verdict": "The pixels differ, and so does the build: threads.",
                }
            ]
        },
    )

    equal: bool
    """Every pixel is the same; how the file is compressed, and its texts, do not matter."""

    job_id: str | None
    """The job that painted it again; null where its size alone says that it was changed."""

    pixels_differing: float | None
    """Their share, 0 to 1; null where the sizes differ."""

    largest_difference: int | None
    """Of any colour of any pixel, 0 to 255; null where the sizes differ."""

    build: dict[str, Change] | None
    """What differs between the build in the picture and the one that painted it again, and between
    the files of its LoRAs; null where either is not known."""

    verdict: str
    """All of that in a sentence."""

    @classmethod
    def of(cls, claim: Claim, pixels: "Image", job: Job, png: bytes) -> Self:
        """Judge a claim by what its job has painted."""
        assert job.result is not None
        found = difference(pixels, decode(read_png(png, ())))
        recorded = claim.result
        changes = None if recorded is None else _changes(recorded, job.result)
        equal = found.share == 0
        return cls(
            equal=equal,
            job_id=job.id,
            pixels_differing=found.share,
            largest_difference=found.largest,
            build=changes,
            verdict=_verdict(changes, equal=equal),
        )

    @classmethod
    def of_other_size(cls, claim: Claim) -> Self:
        """Judge a claim that needs no painting."""
        verdict = (
            f"The picture is {claim.png.width}x{claim.png.height}, and was painted as "
            f"{claim.request.width}x{claim.request.height}: it was changed after that."
        )
        return cls(
            equal=False,
            job_id=None,
            pixels_differing=None,
            largest_difference=None,
            build=None,
            verdict=verdict,
        )


def _changes(recorded: PictureResult, result: GenerationResult) -> dict[str, Change]:
    before = {"program": recorded.program, "batch_size": recorded.batch_size}
    now = {"program": PROGRAM, "batch_size": result.batch_size}
    for parts, made in (before, recorded), (now, result):
        parts.update(_parts(made.build) | _hashes(made.loras))
    return {
        name: Change(recorded=before.get(name), now=now.get(name))
        for name in before | now
        if before.get(name) != now.get(name)
    }


def _parts(build: Build) -> dict[str, str | int | bool]:
    named = {"versions": build.versions, "switches": build.switches}
    flat = {f"{kind}.{name}": value for kind, of in named.items() for name, value in of.items()}
    return {**build.model_dump(exclude=set(named)), **flat}


def _hashes(loras: Sequence[LoraUsed]) -> dict[str, str | int | bool]:
    return {f"loras.{lora.name}": lora.sha256 for lora in loras}


def _verdict(changes: dict[str, Change] | None, *, equal: bool) -> str:
    pixels = "The pixels are equal" if equal else "The pixels differ"
    if changes is None:
        return f"{pixels}; the picture does not say which build painted it."
    if changes:
        but = "although the build differs" if equal else "and so does the build"
        return f"{pixels}, {but}: {', '.join(changes)}."
    if equal:
        return f"{pixels}, and so is the build."
    return (
        f"{pixels} although the build is the same: the picture, or what it says of itself, was "
        "changed after it was painted."
    )
