"""Metrics rank fully, and the floors know nothing but the past."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.metrics import (
    list_ndcg,
    mean_metrics,
    ndcg_at_k,
    rank_by_frequency,
    rank_by_popularity,
    recall_at_k,
    top_k,
)
from training.shop_data import Lines
from training.windows import WEEK_US, Targets

RANKINGS = st.permutations(range(12)).map(lambda order: np.array(order, dtype=np.int32))
BASKETS = st.sets(st.integers(0, 11), min_size=1).map(lambda s: np.array(sorted(s), dtype=np.int32))


def _lines(*rows):
    """Rows of (user, item, order, week)."""
    user, item, order, week = (np.array(column) for column in zip(*rows, strict=True))
    ones = np.ones(len(rows), dtype=np.float32)
    whole = [array.astype(np.int32) for array in (user, item, order)]
    return Lines(*whole, week.astype(np.int64) * WEEK_US, ones, ones, ones > 1)


@given(RANKINGS, BASKETS)
def test_ndcg_lies_between_nothing_and_perfect(ranked, basket):
    assert 0.0 <= ndcg_at_k(ranked, basket, 10) <= 1.0


@given(BASKETS, st.integers(1, 12))
def test_ndcg_is_one_when_the_basket_comes_first(basket, k):
    rest = np.setdiff1d(np.arange(12), basket)
    assert ndcg_at_k(np.concatenate([basket, rest]), basket, k) == pytest.approx(1.0)


def test_ndcg_of_a_known_list_by_hand():
    ranked, basket = np.array([5, 1, 2]), np.array([1, 9])
    assert ndcg_at_k(ranked, basket, 10) == pytest.approx((1 / np.log2(3)) / (1 + 1 / np.log2(3)))


def test_recall_counts_the_whole_basket_not_only_k():
    assert recall_at_k(np.array([1, 2]), np.arange(20), 10) == pytest.approx(0.1)


def test_means_of_nobody_are_zero():
    nobody = Targets(*(np.empty(0, np.int32),) * 2, np.zeros(1, np.int64), np.empty(0, np.int32))
    assert mean_metrics([], nobody) == {"ndcg_at_10": 0.0, "recall_at_10": 0.0}


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=40), st.integers(0, 45))
def test_top_k_equals_a_stable_sort(values, k):
    scores = np.array(values, dtype=np.float64)
    assert top_k(scores, k).tolist() == np.argsort(-scores, kind="stable")[:k].tolist()


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=40), st.integers(0, 45), st.data())
def test_ties_count_against_the_relevant(values, k, data):
    scores = np.array(values, dtype=np.float64)
    places = st.lists(st.integers(0, len(values) - 1), unique=True)
    relevant = np.array(data.draw(places), dtype=np.int64)
    last = np.isin(np.arange(len(scores)), relevant)
    expected = np.lexsort((np.arange(len(scores)), last, -scores))[:k]
    assert top_k(scores, k, relevant).tolist() == expected.tolist()


def test_frequency_counts_baskets_and_not_lines():
    lines = _lines((0, 3, 1, 1), (0, 3, 1, 1), (0, 4, 1, 1), (0, 4, 2, 2))
    ranked = rank_by_frequency(lines, np.array([0]), item_count=5, cutoff_us=9 * WEEK_US)
    assert ranked[0].tolist()[:2] == [4, 3]


def test_decay_prefers_what_was_bought_lately():
    lines = _lines((0, 1, 1, 1), (0, 1, 2, 2), (0, 2, 3, 40))
    arguments = {"item_count": 3, "cutoff_us": 41 * WEEK_US}
    (plain,) = rank_by_frequency(lines, np.array([0]), **arguments)
    (faded,) = rank_by_frequency(lines, np.array([0]), decay=0.95, **arguments)
    assert (plain[0], faded[0]) == (1, 2)


def test_ties_and_empty_places_go_to_popular_items():
    lines = _lines((0, 1, 1, 1), (0, 2, 1, 1), (1, 2, 2, 1), (2, 4, 3, 1), (1, 4, 2, 1))
    (ranked,) = rank_by_frequency(lines, np.array([0]), item_count=5, cutoff_us=2 * WEEK_US)
    assert ranked.tolist()[:3] == [2, 1, 4]


def test_a_stranger_gets_the_popular_floor():
    lines = _lines((0, 1, 1, 1), (0, 2, 2, 1), (1, 2, 3, 1))
    users = np.array([7])
    frequent = rank_by_frequency(lines, users, item_count=3, cutoff_us=2 * WEEK_US, k=2)
    assert frequent[0].tolist() == rank_by_popularity(lines, users, item_count=3, k=2)[0].tolist()


def test_lists_are_judged_as_single_rankings_are():
    draw = np.random.default_rng(5)
    sizes = np.array([15, 3, 30])
    scores, is_relevant = draw.permutation(48).astype(float), draw.random(48) < 0.4
    each, relevant = [], []
    for begin, size in zip(np.cumsum(sizes) - sizes, sizes, strict=True):
        rows = slice(begin, begin + size)
        wanted = np.flatnonzero(is_relevant[rows])
        relevant.append(len(wanted) + 2)  # two items of the basket were never candidates
        all_wanted = np.concatenate([wanted, [98, 99]])
        each.append(ndcg_at_k(np.argsort(-scores[rows]), all_wanted, 10))
    found = list_ndcg(scores, is_relevant, sizes, np.array(relevant))
    assert found == pytest.approx(np.mean(each))


def test_equal_scores_of_a_list_count_against_it():
    relevant = np.array([True, False, False])
    one_list, one_wanted = np.array([3]), np.array([1])
    assert list_ndcg(np.ones(3), relevant, one_list, one_wanted) == pytest.approx(0.5)
    assert list_ndcg(np.array([2.0, 1, 1]), relevant, one_list, one_wanted) == 1
    assert list_ndcg(np.ones(3), ~relevant, one_list, np.array([0])) == 0
