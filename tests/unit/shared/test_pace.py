import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis

from shared.generation import Timings
from shared.pace import Pace, PaceStore, Shape, ShapePace, Work
from tests.support.builders import BUILD, TIMINGS, make_request

SMALL = Shape(width=256, height=256, guided=True)
LARGE = Shape(width=512, height=512, guided=True)
UNGUIDED = SMALL.model_copy(update={"guided": False})
OTHER_BUILD = BUILD.model_copy(update={"device": "cuda"})

unhurried = settings(deadline=None, database=None)

SIDES = st.integers(32, 96).map(lambda blocks: 8 * blocks)
PASSES = st.integers(1, 2)
SHAPES = st.builds(Shape, width=SIDES, height=SIDES, guided=st.booleans(), passes=PASSES)
WORKS = st.builds(Work, SIDES, SIDES, st.integers(5, 60), st.booleans(), PASSES)
SECONDS = st.floats(0.001, 1000)
SHAPE_PACES = st.builds(ShapePace, step_seconds=SECONDS, rest_seconds=SECONDS)
PACES = st.dictionaries(SHAPES, SHAPE_PACES, min_size=1, max_size=4).map(Pace)


def took(*, denoise: float, total: float) -> Timings:
    return TIMINGS.model_copy(update={"denoise": denoise, "total": total})


def work_of(shape: Shape, steps: int) -> Work:
    return Work(shape.width, shape.height, steps, shape.guided, shape.passes)


def learned_from(*step_seconds: float) -> ShapePace:
    """Give the pace after pictures with these steps, one after the other."""
    first, *others = (ShapePace(step_seconds=one, rest_seconds=one) for one in step_seconds)
    pace = first
    for seen in others:
        pace = pace.learned(seen)
    return pace


LONG = 3600


@pytest.fixture
def paces(any_redis: Redis) -> PaceStore:
    return PaceStore(any_redis)


class TestWork:
    @pytest.mark.parametrize(("scale", "guided"), [(1.0, False), (1.1, True), (7.0, True)])
    def test_is_what_decides_how_long_a_request_takes(self, scale: float, guided: bool) -> None:  # noqa: FBT001
        request = make_request(
            width=320, height=256, num_inference_steps=9, guidance_scale=scale, prompt="x"
        )
        assert Work.of(request) == Work(320, 256, 9, guided)

    def test_doubles_with_a_scheduler_that_runs_the_model_twice_in_a_step(self) -> None:
        once, twice = (Work.of(make_request(scheduler=name)) for name in ("euler", "heun"))
        assert (once.shape.passes, twice.shape.passes) == (1, 2)
        assert twice.cost == 2 * once.cost

    def test_is_read_as_it_was_written_before_schedulers_had_passes(self) -> None:
        assert Work.parse("320 256 9 1") == Work(320, 256, 9, guided=True)

    @unhurried
    @given(WORKS)
    def test_survives_its_way_through_redis(self, work: Work) -> None:
        assert Work.parse(str(work)) == work


class TestKnownShape:
    def test_takes_its_steps_and_the_rest(self) -> None:
        pace = Pace({SMALL: ShapePace(step_seconds=0.5, rest_seconds=1)})
        assert pace.seconds(work_of(SMALL, 20)) == 11

    def test_is_preferred_to_all_others(self) -> None:
        own = ShapePace(step_seconds=0.5, rest_seconds=1)
        pace = Pace({LARGE: ShapePace(step_seconds=9, rest_seconds=9), SMALL: own})
        assert pace.of(SMALL) is own


class TestUnknownShape:
    def test_is_scaled_with_its_pixels(self) -> None:
        pace = Pace({SMALL: ShapePace(step_seconds=0.5, rest_seconds=1)})
        assert pace.of(LARGE) == ShapePace(step_seconds=2, rest_seconds=4)

    @pytest.mark.parametrize(
        ("known", "asked", "step_seconds"), [(UNGUIDED, SMALL, 1.0), (SMALL, UNGUIDED, 0.25)]
    )
    def test_costs_two_with_guidance_for_one_without(
        self, known: Shape, asked: Shape, step_seconds: float
    ) -> None:
        pace = Pace({known: ShapePace(step_seconds=0.5, rest_seconds=1)})
        assert pace.of(asked) == ShapePace(step_seconds=step_seconds, rest_seconds=1)

    @pytest.mark.parametrize(("side", "step_seconds"), [(320, 1.0), (480, 2.0)])
    def test_is_scaled_from_the_nearest(self, side: int, step_seconds: float) -> None:
        pace = Pace(
            {
                SMALL: ShapePace(step_seconds=256**2, rest_seconds=0),
                LARGE: ShapePace(step_seconds=2 * 512**2, rest_seconds=0),
            }
        )
        scaled = pace.of(Shape(width=side, height=side, guided=True))
        assert scaled is not None
        assert scaled.step_seconds / side**2 == pytest.approx(step_seconds)

    def test_costs_twice_with_a_scheduler_that_runs_the_model_twice(self) -> None:
        pace = Pace({SMALL: ShapePace(step_seconds=0.5, rest_seconds=1)})
        twice = SMALL.model_copy(update={"passes": 2})
        assert pace.of(twice) == ShapePace(step_seconds=1, rest_seconds=1)

    def test_is_rather_scaled_from_one_that_is_guided_like_it(self) -> None:
        near, far = (ShapePace(step_seconds=one, rest_seconds=1) for one in (1, 5))
        pace = Pace({UNGUIDED: near, LARGE: far})
        assert pace.of(SMALL) == ShapePace(step_seconds=1.25, rest_seconds=0.25)

    def test_has_no_estimate_where_nothing_is_known(self) -> None:
        assert Pace({}).of(SMALL) is None
        assert Pace({}).seconds(work_of(SMALL, 20)) is None


class TestLearned:
    def test_is_the_average_of_the_first_pictures(self) -> None:
        pace = learned_from(1, 2, 6)
        assert (pace.step_seconds, pace.rest_seconds) == pytest.approx((3, 3))
        assert pace.pictures == 3

    def test_follows_a_machine_that_changes_however_long_it_was_the_same(self) -> None:
        changed = learned_from(*[1.0] * 1000, *[3.0] * 10)
        assert changed.step_seconds == pytest.approx(3, rel=0.1)

    def test_is_not_turned_over_by_one_picture(self) -> None:
        assert learned_from(*[1.0] * 1000, 11.0).step_seconds == pytest.approx(3)

    @unhurried
    @given(st.lists(SECONDS, min_size=1, max_size=30))
    def test_stays_between_what_was_seen(self, seen: list[float]) -> None:
        pace = learned_from(*seen).step_seconds
        assert min(seen) * (1 - 1e-9) <= pace <= max(seen) * (1 + 1e-9)


class TestEstimate:
    @unhurried
    @given(PACES, WORKS)
    def test_is_positive_for_whatever_is_asked(self, pace: Pace, work: Work) -> None:
        seconds = pace.seconds(work)
        assert seconds is not None
        assert seconds > 0

    @unhurried
    @given(PACES, SHAPES, st.integers(5, 55))
    def test_grows_by_the_same_with_every_step(self, pace: Pace, shape: Shape, steps: int) -> None:
        known = pace.of(shape)
        first, then = (pace.seconds(work_of(shape, count)) for count in (steps, steps + 5))
        assert known is not None
        assert first is not None
        assert then is not None
        assert then - first == pytest.approx(5 * known.step_seconds, rel=1e-6, abs=1e-6)


class TestStore:
    def test_knows_nothing_before_the_first_picture(self, paces: PaceStore) -> None:
        assert paces.of(BUILD).seconds(work_of(SMALL, 20)) is None

    def test_learns_from_a_picture(self, paces: PaceStore) -> None:
        paces.learn(BUILD, work_of(SMALL, 20), took(denoise=10, total=11))
        assert paces.of(BUILD).of(SMALL) == ShapePace(step_seconds=0.5, rest_seconds=1)

    def test_learns_from_the_next_one_too(self, paces: PaceStore) -> None:
        paces.learn(BUILD, work_of(SMALL, 20), took(denoise=10, total=11))
        paces.learn(BUILD, work_of(SMALL, 10), took(denoise=15, total=18))
        assert paces.of(BUILD).of(SMALL) == ShapePace(step_seconds=1, rest_seconds=2, pictures=2)

    def test_knows_at_once_what_it_has_learned_itself(self, any_redis: Redis) -> None:
        paces = PaceStore(any_redis, fresh_seconds=LONG)
        assert paces.of(BUILD).of(SMALL) is None
        paces.learn(BUILD, work_of(SMALL, 20), took(denoise=10, total=11))
        assert paces.of(BUILD).of(SMALL) == ShapePace(step_seconds=0.5, rest_seconds=1)

    @pytest.mark.parametrize(("fresh_seconds", "knows"), [(0, True), (LONG, False)])
    def test_knows_later_what_another_has_learned(
        self, any_redis: Redis, paces: PaceStore, fresh_seconds: float, *, knows: bool
    ) -> None:
        other = PaceStore(any_redis, fresh_seconds=fresh_seconds)
        other.of(BUILD)
        paces.learn(BUILD, work_of(SMALL, 20), took(denoise=10, total=11))
        assert (other.of(BUILD).of(SMALL) is not None) == knows

    def test_learns_each_shape_by_itself(self, paces: PaceStore) -> None:
        paces.learn(BUILD, work_of(SMALL, 20), took(denoise=10, total=11))
        paces.learn(BUILD, work_of(LARGE, 20), took(denoise=80, total=99))
        assert paces.of(BUILD).of(SMALL) == ShapePace(step_seconds=0.5, rest_seconds=1)
        assert paces.of(BUILD).of(LARGE) == ShapePace(step_seconds=4, rest_seconds=19)

    def test_goes_on_with_what_was_learned_before_schedulers_had_passes(
        self, paces: PaceStore, any_redis: Redis
    ) -> None:
        paces.learn(BUILD, work_of(SMALL, 20), took(denoise=10, total=11))
        (key,) = any_redis.keys("*pace:*")
        (shape,) = any_redis.hkeys(key)
        assert shape == b'{"width":256,"height":256,"guided":true}'

    def test_learns_nothing_for_another_build(self, paces: PaceStore) -> None:
        paces.learn(BUILD, work_of(SMALL, 20), took(denoise=10, total=11))
        assert paces.of(OTHER_BUILD).of(SMALL) is None

    def test_takes_no_time_to_be_negative(self, paces: PaceStore) -> None:
        paces.learn(BUILD, work_of(SMALL, 20), took(denoise=10, total=9.999))
        assert paces.of(BUILD).of(SMALL) == ShapePace(step_seconds=0.5, rest_seconds=0)

    def test_keeps_in_redis_what_it_has_learned(self, paces: PaceStore, any_redis: Redis) -> None:
        paces.learn(BUILD, work_of(SMALL, 20), took(denoise=10, total=11))
        assert PaceStore(any_redis).of(BUILD).of(SMALL) is not None

    def test_forgets_a_build_that_has_painted_nothing_for_weeks(
        self, paces: PaceStore, any_redis: Redis
    ) -> None:
        paces.learn(BUILD, work_of(SMALL, 20), took(denoise=10, total=11))
        (key,) = any_redis.keys("semantic-bit:pace:*")
        assert 7 * 24 * 3600 < any_redis.ttl(key) <= 31 * 24 * 3600


def test_the_work_of_a_picture_that_begins_with_another_is_the_steps_that_are_run() -> None:
    request = make_request(num_inference_steps=10, init_image="sha256:" + "a" * 64, strength=0.6)
    assert Work.of(request).steps == 6
