"""Exact search equals a full sort, ties, hidden items, gaps and short catalogues included."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.exact_search import BLOCK, ExactIndex, best_of_rows, empty_lists


def sorted_in_full(row, k):
    kept = np.flatnonzero(row > -np.inf)
    return kept[np.lexsort((kept, -row[kept]))][:k]


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 12), size=st.integers(1, 2_000))
def test_the_best_of_a_row_are_those_of_a_full_sort(seed, k, size):
    draw = np.random.default_rng(seed)
    rows = draw.integers(0, draw.integers(2, 5_000), (3, size)).astype(np.float32)  # many ties
    rows[draw.random(rows.shape) < draw.random()] = -np.inf
    rows[draw.random(rows.shape) < 0.01] = np.nan
    items, scores = empty_lists(3, k)
    best_of_rows(rows, items, scores)
    for row, found, score in zip(rows, items, scores, strict=True):
        wanted = sorted_in_full(row, k)
        assert found[: len(wanted)].tolist() == wanted.tolist()
        assert score[: len(wanted)].tolist() == row[wanted].tolist()
        assert (found[len(wanted) :] == -1).all()
        assert (score[len(wanted) :] == -np.inf).all()


def test_a_search_over_several_blocks_is_the_whole_product_sorted():
    draw = np.random.default_rng(1)
    queries = draw.normal(size=(BLOCK + 5, 4)).astype(np.float32)
    vectors = draw.normal(size=(1_500, 4)).astype(np.float32)
    items, scores = ExactIndex.of(vectors).search(queries, k=7)
    whole = queries @ vectors.T
    for query, row in enumerate(whole):
        assert items[query].tolist() == sorted_in_full(row, 7).tolist()
        assert scores[query] == pytest.approx(row[items[query]], abs=1e-5)


def test_hidden_items_are_not_found_even_where_nothing_else_is_left():
    vectors = np.eye(3, dtype=np.float32)
    queries = np.ones((2, 3), dtype=np.float32)
    hidden = [np.array([0]), np.array([0, 1, 2])]
    items, _ = ExactIndex.of(vectors).search(queries, k=2, hidden=hidden)
    assert items.tolist() == [[1, 2], [-1, -1]]


def test_equal_scores_go_by_smaller_item_at_any_size():
    for size in (50, 5_000):
        items, _ = ExactIndex.of(np.ones((size, 2), dtype=np.float32)).search(
            np.ones((1, 2), dtype=np.float32), k=10
        )
        assert items[0].tolist() == list(range(10))


def test_no_query_and_no_place_ask_for_nothing():
    index = ExactIndex.of(np.ones((5, 2), dtype=np.float32))
    assert index.search(np.empty((0, 2), dtype=np.float32), k=3)[0].shape == (0, 3)
    assert index.search(np.ones((2, 2), dtype=np.float32), k=0)[0].shape == (2, 0)
