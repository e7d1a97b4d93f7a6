import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.spread import Spread, differences, quantile, ratios

_NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1)


def test_a_quantile_lies_between_its_neighbours() -> None:
    assert [quantile([4, 1, 3, 2], share) for share in (0, 0.5, 0.9, 1)] == [1, 2.5, 3.7, 4]


def test_one_value_is_all_of_its_quantiles() -> None:
    assert Spread.of([7]) == Spread(count=1, p10=7, median=7, p90=7, p99=7)


@settings(deadline=None, database=None)
@given(_NUMBERS)
def test_a_spread_is_in_order_and_within_what_was_measured(values: list[float]) -> None:
    spread = Spread.of(values)
    seen = [min(values), spread.p10, spread.median, spread.p90, spread.p99, max(values)]
    assert seen == pytest.approx(sorted(seen))


def test_nothing_has_no_spread() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        Spread.of([])


def test_pairs_are_compared_one_by_one() -> None:
    assert ratios([2, 9], [1, 3]) == [2, 3]
    assert differences([2, 9], [1, 3]) == [1, 6]


def test_what_has_no_neighbour_is_not_compared() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratios([1, 2], [1])
