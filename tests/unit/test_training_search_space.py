"""Ranges of knobs are read as they are written, and a wrong one says what is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.search_space import read_range


@given(st.integers(-9, 9), st.integers(1, 9))
def test_a_range_between_whole_numbers_is_read_as_written(low, more):
    found = read_range({"low": low, "high": low + more})
    assert found.holds(low)
    assert found.holds(low + more)
    assert not found.holds(low - 1)
    assert not found.holds(low + more + 1)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ([], "list of values"),
        (3, "list of values"),
        ({"low": 1}, "list of values"),
        ({"low": 2, "high": 1}, "below"),
        ({"low": 0, "high": 1, "log": True}, "above 0"),
        ({"low": 0, "high": 1, "step": 2}, "step"),
        ({"low": "few", "high": 1}, "few"),
        ({"low": True, "high": 2}, "no number"),
        ({"low": 1, "high": 2, "log": "yes"}, "true or false"),
    ],
)
def test_a_wrong_range_says_what_is_wrong(written, why):
    with pytest.raises(ValueError, match=why):
        read_range(written)
