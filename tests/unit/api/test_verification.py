from dataclasses import replace

import pytest

from api.claim import Claim
from api.errors import InvalidRequest
from api.verification import Change, Verification
from shared.generation import Build
from shared.job_parts import JobState
from shared.picture_metadata import METADATA, PROGRAM, PictureMetadata, PictureResult
from shared.png_text import read_png
from shared.prompt_rules import PromptSyntax
from tests.support.builders import BUILD, job_in, make_request
from tests.support.pngs import flat_png, with_a_pixel_changed

KEYWORDS = {"parameters", METADATA}
JOB = job_in(JobState.SUCCEEDED)
PNG = flat_png()


def recorded(build: Build = BUILD, program: str = PROGRAM) -> dict[str, str]:
    result = PictureResult(program=program, prompt_tokens=7, dropped_text="", build=build)
    return PictureMetadata(request=make_request(), result=result).texts()


def claim_of(png: bytes) -> Claim:
    return Claim.read(
        read_png(png, KEYWORDS), use_karras_sigmas=True, prompt_syntax=PromptSyntax.A1111
    )


def verify(png: bytes) -> Verification:
    claim = claim_of(png)
    return Verification.of(claim, claim.pixels(), JOB, PNG)


def other_build(**changes: object) -> Build:
    return BUILD.model_copy(update=changes)


class TestVerification:
    def test_of_an_equal_picture_of_the_same_build(self) -> None:
        assert verify(flat_png(recorded())) == Verification(
            equal=True,
            job_id=JOB.id,
            pixels_differing=0,
            largest_difference=0,
            build={},
            verdict="The pixels are equal, and so is the build.",
        )

    def test_of_a_picture_that_was_changed(self) -> None:
        assert verify(with_a_pixel_changed(flat_png(recorded()), by=3)) == Verification(
            equal=False,
            job_id=JOB.id,
            pixels_differing=1 / 65536,
            largest_difference=3,
            build={},
            verdict="The pixels differ although the build is the same: the picture, or what it "
            "says of itself, was changed after it was painted.",
        )

    @pytest.mark.parametrize(
        ("build", "name", "change"),
        [
            (other_build(threads=8), "threads", Change(recorded=8, now=2)),
            (other_build(dtype="float16"), "dtype", Change(recorded="float16", now="float32")),
            (
                other_build(use_karras_sigmas=False),
                "use_karras_sigmas",
                Change(recorded=False, now=True),
            ),
            (
                other_build(versions={**BUILD.versions, "torch": "0"}),
                "versions.torch",
                Change(recorded="0", now="1"),
            ),
            (
                other_build(versions={"torch": "1", "diffusers": "2"}),
                "versions.transformers",
                Change(recorded=None, now="3"),
            ),
            (
                other_build(versions={**BUILD.versions, "xformers": "4"}),
                "versions.xformers",
                Change(recorded="4", now=None),
            ),
            (
                other_build(switches={"MKL_CBWR": "AVX2"}),
                "switches.MKL_CBWR",
                Change(recorded="AVX2", now=None),
            ),
        ],
    )
    def test_names_the_part_of_the_build_that_differs(
        self, build: Build, name: str, change: Change
    ) -> None:
        png = flat_png(recorded(build))
        same, other = verify(png), verify(with_a_pixel_changed(png))
        assert same.build == other.build == {name: change}
        assert same.verdict == f"The pixels are equal, although the build differs: {name}."
        assert other.verdict == f"The pixels differ, and so does the build: {name}."

    def test_names_another_version_of_this_service(self) -> None:
        found = verify(flat_png(recorded(program="Program 0.1")))
        assert found.build == {"program": Change(recorded="Program 0.1", now=PROGRAM)}

    def test_says_where_no_build_is_recorded(self) -> None:
        png = flat_png({"parameters": recorded()["parameters"]})
        same, other = verify(png), verify(with_a_pixel_changed(png))
        unknown = "the picture does not say which build painted it."
        assert (same.build, other.build) == (None, None)
        assert same.verdict == f"The pixels are equal; {unknown}"
        assert other.verdict == f"The pixels differ; {unknown}"

    def test_needs_no_painting_where_the_size_was_changed(self) -> None:
        claim = claim_of(flat_png(recorded(), size=(128, 256)))
        assert not claim.has_its_size
        found = Verification.of_other_size(claim)
        assert (found.equal, found.job_id) == (False, None)
        assert found.verdict == (
            "The picture is 128x256, and was painted as 256x256: it was changed after that."
        )


class TestClaim:
    @pytest.mark.parametrize(
        ("text", "missing"),
        [
            ("a cat\nSteps: 28, Sampler: Euler a, CFG scale: 7, Size: 256x256", "seed"),
            ("a cat\nSteps: 28, Seed: 1, CFG scale: 7", "height, width, scheduler"),
            ("\nSteps: 28, Seed: 1, CFG scale: 7", "prompt"),
            ("a cat\nSteps: 99, Sampler: Euler a, Seed: 1, Size: 8x256", "num_inference_steps"),
        ],
    )
    def test_must_be_complete(self, text: str, missing: str) -> None:
        with pytest.raises(InvalidRequest, match=f"cannot be painted again.* no {missing}"):
            claim_of(flat_png({"parameters": text}))

    def test_must_name_a_seed_in_our_own_text_too(self) -> None:
        text = recorded()[METADATA].replace('"seed":42', '"seed":null')
        with pytest.raises(InvalidRequest, match="no seed"):
            claim_of(flat_png({METADATA: text}))

    def test_must_have_pixels(self) -> None:
        whole = claim_of(flat_png(recorded()))
        pixels = whole.png.data.index(b"IDAT")
        broken = whole.png.data[: pixels - 4] + whole.png.data[-12:]
        with pytest.raises(InvalidRequest, match="whose pixels cannot be read"):
            replace(whole, png=replace(whole.png, data=broken)).pixels()
