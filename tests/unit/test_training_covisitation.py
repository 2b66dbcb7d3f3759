"""Co-visitation follows order in time, and names the cause of a score."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.covisitation.model import Covisitation
from training.covisitation.train import CovisitationConfig, fit_covisitation
from training.shop_data import GUEST, Lines
from training.windows import WEEK_US


def _lines(*rows):
    """Rows of (user, item, order, week), in order of user and time."""
    user, item, order, week = (np.array(column) for column in zip(*rows, strict=True))
    ones = np.ones(len(rows), dtype=np.float32)
    whole = [array.astype(np.int32) for array in (user, item, order)]
    return Lines(*whole, week.astype(np.int64) * WEEK_US, ones, ones, ones > 1)


def _fit(lines, items=6, **knobs):
    config = CovisitationConfig(**{"neighbours": 3, "min_baskets": 1} | knobs)
    return fit_covisitation(lines, item_count=items, cutoff_us=9 * WEEK_US, config=config)


def _neighbours(matrix, item):
    return matrix.item[matrix.starts[item] : matrix.starts[item + 1]].tolist()


def test_what_comes_next_follows_and_what_came_before_does_not():
    matrix = _fit(_lines((0, 1, 0, 1), (0, 2, 1, 2)), same_basket_weight=0.0)
    assert _neighbours(matrix, 1) == [2]
    assert _neighbours(matrix, 2) == []


def test_guests_have_no_next_basket_but_their_baskets_count():
    lines = _lines((GUEST, 1, 0, 1), (GUEST, 2, 0, 1), (GUEST, 3, 1, 2))
    matrix = _fit(lines)
    assert _neighbours(matrix, 1) == [2]
    assert _neighbours(matrix, 3) == []


def test_an_item_is_never_its_own_neighbour():
    matrix = _fit(_lines((0, 1, 0, 1), (0, 1, 1, 2), (0, 2, 1, 2)))
    assert 1 not in _neighbours(matrix, 1)


def test_only_the_best_neighbours_are_kept():
    lines = _lines(*((0, item, 0, 1) for item in range(6)))
    assert [len(_neighbours(_fit(lines, neighbours=2), i)) for i in range(6)] == [2] * 6


def test_rare_items_have_no_row_and_no_column():
    lines = _lines((0, 1, 0, 1), (0, 2, 0, 1), (0, 1, 1, 2), (0, 3, 1, 2))
    matrix = _fit(lines, min_baskets=2)
    assert matrix.item.size == 0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1, max_size=30))
def test_scores_equal_a_plain_sum_and_causes_its_largest_part(pairs):
    rows = sorted({(0, item, order, order + 1) for item, order in pairs}, key=lambda r: r[2])
    matrix = _fit(_lines(*rows))
    history = np.unique([item for _, item, _, _ in rows]).astype(np.int32)
    strength = np.linspace(1, 2, len(history)).astype(np.float32)
    parts = np.zeros((len(history), 6))
    for row, item in enumerate(history):
        edges = slice(matrix.starts[item], matrix.starts[item + 1])
        parts[row, matrix.item[edges]] = strength[row] * matrix.weight[edges]
    assert np.allclose(matrix.scores(history, strength), parts.sum(axis=0), atol=1e-6)
    everything = np.arange(6, dtype=np.int32)
    for item, cause in enumerate(matrix.causes(history, strength, everything)):
        best = parts[:, item].max()
        assert (cause == -1) == (best == 0)
        assert cause == -1 or np.isclose(parts[history == cause, item], best)


def test_an_empty_history_scores_nothing():
    matrix = Covisitation(np.array([0, 1, 1]), np.array([1], np.int32), np.ones(1, np.float32))
    nothing = np.empty(0, dtype=np.int32)
    assert matrix.scores(nothing, nothing.astype(np.float32)).tolist() == [0.0, 0.0]
    assert matrix.causes(nothing, nothing.astype(np.float32), np.array([1])).tolist() == [-1]
