import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from api.inputs.size import size_like
from shared.generation import Dimension


@pytest.mark.parametrize(
    ("size", "width", "height", "chosen"),
    [
        ((640, 480), None, None, (640, 480)),
        ((641, 478), None, None, (640, 480)),
        ((4000, 3000), None, None, (768, 576)),
        ((3000, 4000), None, None, (576, 768)),
        ((100, 100), None, None, (256, 256)),
        ((100, 150), None, None, (256, 384)),
        ((2000, 100), None, None, (768, 256)),
        ((1, 1), None, None, (256, 256)),
        ((4000, 3000), 512, None, (512, 384)),
        ((4000, 3000), None, 384, (512, 384)),
        ((4000, 3000), 256, 768, (256, 768)),
    ],
)
def test_is_of_the_shape_of_the_picture(
    size: tuple[int, int], width: int | None, height: int | None, chosen: tuple[int, int]
) -> None:
    assert size_like(size, width, height) == chosen


@given(st.tuples(st.integers(1, 8192), st.integers(1, 8192)), st.none() | st.just(512))
def test_is_always_one_that_can_be_painted(size: tuple[int, int], width: int | None) -> None:
    for side in size_like(size, width, None):
        assert TypeAdapter(Dimension).validate_python(side) == side
