from pathlib import Path

import numpy as np
import pytest
from diffusers import EulerAncestralDiscreteScheduler, StableDiffusionPipeline

from scripts.demo_model.check import Draw, Question, ask, look
from scripts.demo_model.folder import draw_with, load_pipeline
from scripts.demo_model.paint import paint
from scripts.demo_model.questions import held_out_questions

EVERY = 4
"""One in so many of the held-out questions is asked here; the training script asks all."""


def test_object_and_background_have_the_colours_asked(draw: Draw) -> None:
    answers = ask(draw, held_out_questions()[::EVERY])
    wrong = [answer for answer in answers if not answer.right]
    assert len(wrong) <= len(answers) * 0.1, wrong


def test_the_other_sampler_draws_what_was_asked(folder: Path) -> None:
    other = load_pipeline(folder)
    other.scheduler = EulerAncestralDiscreteScheduler.from_config(other.scheduler.config)
    draw = draw_with(other, size=256, steps=20, guidance=7.0)
    answers = ask(draw, held_out_questions()[:6])
    assert sum(answer.right for answer in answers) >= 5, answers


@pytest.mark.parametrize("size", [(384, 256), (256, 328)])
def test_pictures_have_the_size_asked(
    pipeline: StableDiffusionPipeline, size: tuple[int, int]
) -> None:
    width, height = size
    made = pipeline(
        "a red circle on a blue background", width=width, height=height, num_inference_steps=5
    )
    assert made.images[0].size == size


def test_the_same_seed_gives_the_same_picture(draw: Draw) -> None:
    first, second = draw("a cat on a mat", 3), draw("a cat on a mat", 3)
    np.testing.assert_array_equal(first, second)


def test_another_seed_gives_another_picture(draw: Draw) -> None:
    assert _difference(draw("a cat on a mat", 3), draw("a cat on a mat", 4)) > 3.0


def test_the_negative_prompt_changes_the_picture(pipeline: StableDiffusionPipeline) -> None:
    plain = draw_with(pipeline, size=256, steps=10, guidance=7.0)
    without = draw_with(pipeline, size=256, steps=10, guidance=7.0, negative="green apple")
    assert _difference(plain("an apple on a table", 5), without("an apple on a table", 5)) > 2.0


def test_guidance_changes_the_picture(pipeline: StableDiffusionPipeline) -> None:
    weak = draw_with(pipeline, size=256, steps=10, guidance=1.0)
    strong = draw_with(pipeline, size=256, steps=10, guidance=7.0)
    assert _difference(weak("a cat on a mat", 5), strong("a cat on a mat", 5)) > 2.0


class TestLook:
    def test_is_right_about_a_painted_picture(self) -> None:
        for seed in range(40):
            canvas, facts = paint(seed, 128, 128)
            if facts.place != "background":
                continue
            asked = Question("", 0, frozenset({facts.colour}), frozenset({facts.place_colour}))
            assert look(asked, np.asarray(canvas.reduced())).right

    def test_sees_that_a_picture_is_empty(self) -> None:
        asked = Question("", 0, frozenset({"red"}), frozenset({"white"}))
        answer = look(asked, np.full((64, 64, 3), 245, dtype=np.uint8))
        assert (answer.object, answer.background) == ("nothing", "white")


def _difference(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first.astype(float) - second.astype(float)).mean())
