"""Pictures from pictures, by the bundled model."""

import pytest
from PIL import Image, ImageChops, ImageStat

from shared.generation import GenerationRequest, Scheduler
from tests.pipeline.conftest import small_request
from tests.support.input_pictures import encoded, mask_of_left
from worker.inputs import NO_INPUTS, Inputs
from worker.pipeline import DiffusersPipeline

ANY = "sha256:" + "0" * 64
SIZE = (256, 256)


@pytest.fixture(scope="session")
def circle(pipeline: DiffusersPipeline) -> Image.Image:
    """A red circle on blue."""
    return painted(pipeline, small_request(num_inference_steps=10))


def painted(
    pipeline: DiffusersPipeline, request: GenerationRequest, inputs: Inputs = NO_INPUTS
) -> Image.Image:
    return pipeline.generate(request, lambda *_: None, inputs).image


def repaint(
    pipeline: DiffusersPipeline,
    picture: Image.Image,
    mask: Image.Image | None = None,
    **fields: object,
) -> Image.Image:
    """Ask for a green circle where the picture has another."""
    asked = {
        "prompt": "a green circle on a blue background",
        "num_inference_steps": 10,
        "init_image": ANY,
        "strength": 0.8,
        "mask": mask and ANY,
    }
    request = small_request(**{**asked, **fields})
    inputs = Inputs(encoded(picture), encoded(mask) if mask else None)
    return painted(pipeline, request, inputs)


def difference(one: Image.Image, other: Image.Image) -> float:
    """Give how far two pictures are apart, 0 to 255."""
    means = ImageStat.Stat(ImageChops.difference(one, other)).mean
    return sum(means) / len(means)


def middle(picture: Image.Image) -> list[float]:
    """Give the mean colour of the middle."""
    return ImageStat.Stat(picture.crop((112, 112, 144, 144))).mean


class TestFromAPicture:
    def test_becomes_what_the_prompt_says(
        self, pipeline: DiffusersPipeline, circle: Image.Image
    ) -> None:
        red, green, _ = middle(circle)
        assert red > green
        red, green, _ = middle(repaint(pipeline, circle))
        assert green > red

    def test_stays_nearer_to_it_the_less_is_painted(
        self, pipeline: DiffusersPipeline, circle: Image.Image
    ) -> None:
        apart = [
            difference(circle, repaint(pipeline, circle, strength=strength))
            for strength in (0.1, 0.5, 0.9)
        ]
        assert apart == sorted(apart)
        assert apart[0] < 12

    @pytest.mark.parametrize("scheduler", list(Scheduler))
    @pytest.mark.parametrize("mask", [None, mask_of_left(SIZE)])
    def test_is_the_same_whatever_was_painted_before(
        self,
        pipeline: DiffusersPipeline,
        circle: Image.Image,
        scheduler: Scheduler,
        mask: Image.Image | None,
    ) -> None:
        fields = {"scheduler": scheduler, "num_inference_steps": 5}
        first = repaint(pipeline, circle, mask, **fields)
        painted(pipeline, small_request(seed=1))
        assert repaint(pipeline, circle, mask, **fields).tobytes() == first.tobytes()
        assert repaint(pipeline, circle, mask, **fields, seed=8).tobytes() != first.tobytes()

    @pytest.mark.parametrize("masked", [False, True])
    @pytest.mark.parametrize(
        ("steps", "strength"), [(5, 0.01), (5, 0.6), (5, 0.99), (5, 1.0), (49, 0.03), (6, 1 / 3)]
    )
    def test_runs_the_steps_that_its_request_says(
        self,
        pipeline: DiffusersPipeline,
        circle: Image.Image,
        *,
        masked: bool,
        steps: int,
        strength: float,
    ) -> None:
        request = small_request(
            num_inference_steps=steps,
            init_image=ANY,
            strength=strength,
            mask=ANY if masked else None,
        )
        inputs = Inputs(encoded(circle), encoded(mask_of_left(SIZE)) if masked else None)
        seen: list[int] = []
        pipeline.generate(request, lambda step, _=None: seen.append(step), inputs)
        assert seen == list(range(1, request.steps_run + 1))

    def test_may_be_of_any_size(self, pipeline: DiffusersPipeline) -> None:
        strip = Image.new("RGB", (900, 40), "blue")
        picture = repaint(pipeline, strip, height=264, num_inference_steps=5, strength=0.3)
        assert picture.size == (256, 264)

    @pytest.mark.parametrize("guidance_scale", [1.0, 7.0])
    def test_needs_no_guidance(
        self, pipeline: DiffusersPipeline, circle: Image.Image, guidance_scale: float
    ) -> None:
        mask = mask_of_left(SIZE)
        fields = {"guidance_scale": guidance_scale, "num_inference_steps": 5}
        assert repaint(pipeline, circle, mask, **fields).size == SIZE


class TestInAPart:
    @pytest.mark.parametrize("strength", [0.5, 1.0])
    def test_leaves_every_pixel_outside_of_the_mask(
        self, pipeline: DiffusersPipeline, circle: Image.Image, strength: float
    ) -> None:
        picture = repaint(pipeline, circle, mask_of_left(SIZE), strength=strength)
        right, left = (128, 0, 256, 256), (0, 0, 128, 256)
        assert picture.crop(right).tobytes() == circle.crop(right).tobytes()
        assert picture.crop(left).tobytes() != circle.crop(left).tobytes()

    def test_paints_there_what_the_prompt_says(
        self, pipeline: DiffusersPipeline, circle: Image.Image
    ) -> None:
        mask = Image.new("L", SIZE, 0)
        mask.paste(255, (64, 64, 192, 192))
        red, green, _ = middle(repaint(pipeline, circle, mask, strength=1.0))
        assert green > red

    def test_paints_a_line_thinner_than_a_latent(
        self, pipeline: DiffusersPipeline, circle: Image.Image
    ) -> None:
        mask = Image.new("L", SIZE, 0)
        mask.paste(255, (0, 133, 256, 135))
        picture = repaint(pipeline, circle, mask, strength=1.0)
        box = ImageChops.difference(picture, circle).getbbox()
        assert box is not None
        assert (box[1], box[3]) == (133, 135)
