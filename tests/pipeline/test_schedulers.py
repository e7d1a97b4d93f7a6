"""Every scheduler with the bundled model, and with tiny ones of both kinds of prediction."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from PIL import Image

from shared.generation import Scheduler
from shared.settings import Settings
from tests.pipeline.conftest import small_request
from tests.support.tiny_models import PredictionType, tiny_model
from worker.lease import Canceled
from worker.lms import LinearMultistepScheduler
from worker.loading import load_pipeline
from worker.painting import OnStep
from worker.pipeline import DiffusersPipeline
from worker.schedulers import Schedulers, build_scheduler

TINY: tuple[PredictionType, ...] = ("epsilon", "v_prediction")
CONFIG = {"use_karras_sigmas": True}
"""As that of a model that was made with DPM-Solver++."""


@pytest.fixture(scope="module", params=["bundled", *TINY])
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> DiffusersPipeline:
    if request.param == "bundled":
        bundled = request.getfixturevalue("pipeline")
        assert isinstance(bundled, DiffusersPipeline)
        return bundled
    folder = tiny_model(tmp_path_factory.mktemp("tiny"), request.param, channels=16)
    return load_pipeline(Settings(device="cpu", model_id=str(folder), _env_file=None))


@pytest.fixture(params=Scheduler)
def scheduler(request: pytest.FixtureRequest) -> Scheduler:
    return Scheduler(request.param)


def pixels(
    model: DiffusersPipeline, scheduler: Scheduler, on_step: OnStep, **fields: object
) -> bytes:
    request = small_request(scheduler=scheduler, **fields)
    return model.generate(request, on_step).image.tobytes()


def nothing(step: int, preview: object = None) -> None:
    """Take no note."""


def cancel_at_three(step: int, preview: object = None) -> None:
    if step == 3:
        raise Canceled


@dataclass
class Watcher:
    """Remembers the steps, and how large their previews were."""

    steps: list[int] = field(default_factory=list)
    sizes: set[tuple[int, int]] = field(default_factory=set)

    def __call__(self, step: int, preview: Callable[[], Image.Image] | None = None) -> None:
        assert preview is not None
        self.steps.append(step)
        self.sizes.add(preview().size)


class TestEverySchedulerWithEveryModel:
    def test_paints_the_same_alone_and_after_others_and_a_cancel(
        self, model: DiffusersPipeline, scheduler: Scheduler
    ) -> None:
        watcher = Watcher()
        alone = pixels(model, scheduler, watcher)
        assert (watcher.steps, watcher.sizes) == ([1, 2, 3, 4, 5], {(32, 32)})
        assert np.ptp(np.frombuffer(alone, dtype=np.uint8)) > 0
        with pytest.raises(Canceled):
            pixels(model, scheduler, cancel_at_three, seed=2)
        pixels(model, Scheduler.EULER_ANCESTRAL, nothing, seed=1)
        assert pixels(model, scheduler, nothing) == alone


class TestSchedulers:
    def test_gives_each_job_one_that_nobody_has_used(self, scheduler: Scheduler) -> None:
        schedulers = Schedulers(CONFIG, use_karras_sigmas=True)
        used = schedulers.take(scheduler)
        used.set_timesteps(7)
        taken = schedulers.take(scheduler)
        built = build_scheduler(scheduler, CONFIG, use_karras_sigmas=True)
        assert taken is not used
        assert taken.config == built.config
        assert torch.equal(taken.timesteps, built.timesteps)
        assert taken.num_inference_steps == built.num_inference_steps


class TestSteps:
    @pytest.mark.parametrize("count", [50, 60])
    def test_of_lcm_are_as_many_as_were_asked(self, count: int) -> None:
        scheduler = build_scheduler(Scheduler.LCM, CONFIG, use_karras_sigmas=True)
        scheduler.set_timesteps(count)
        assert len(set(scheduler.timesteps.tolist())) == count
        assert scheduler.timesteps[0] == 999

    def test_of_second_order_run_the_model_twice_but_for_the_last(
        self, pipeline: DiffusersPipeline
    ) -> None:
        unet = pipeline._model.pipeline.unet  # noqa: SLF001  # Where the passes are counted.
        runs: list[int] = []
        handle = unet.register_forward_hook(lambda *_: runs.append(1))
        try:
            pixels(pipeline, Scheduler.HEUN, nothing)
        finally:
            handle.remove()
        assert len(runs) == 9


class TestPictures:
    def test_are_near_to_one_another_where_no_noise_is_added(
        self, pipeline: DiffusersPipeline
    ) -> None:
        plain = (Scheduler.EULER, Scheduler.HEUN, Scheduler.DDIM, Scheduler.UNIPC, Scheduler.LMS)
        one, *others = (
            np.frombuffer(pixels(pipeline, name, nothing, num_inference_steps=12), dtype=np.uint8)
            for name in plain
        )
        for other in others:
            assert np.corrcoef(one, other)[0, 1] > 0.9


class TestKarras:
    def test_sigmas_are_those_of_the_two_that_take_them(self, scheduler: Scheduler) -> None:
        with_karras, without = (
            build_scheduler(scheduler, CONFIG, use_karras_sigmas=wanted) for wanted in (True, False)
        )
        for built in (with_karras, without):
            built.set_timesteps(10)
        takes_them = scheduler in {Scheduler.DPM_SOLVER_PP, Scheduler.DPM_SOLVER_PP_SDE}
        assert torch.equal(with_karras.timesteps, without.timesteps) is not takes_them


class TestLms:
    def test_weighs_the_last_four_derivatives_by_the_exact_integral(self) -> None:
        scheduler = LinearMultistepScheduler()
        scheduler.sigmas = torch.tensor([5.0, 4.0, 3.0, 2.0, 1.0])
        # Even steps of -1 have the weights of Adams and Bashforth.
        weights = [scheduler.get_lms_coefficient(4, 3, ago) for ago in range(4)]
        assert weights == pytest.approx([-55 / 24, 59 / 24, -37 / 24, 9 / 24])
        assert scheduler.get_lms_coefficient(1, 0, 0) == pytest.approx(-1)
