"""What a list teaches the ranker: in proportion to the basket behind it."""

import numpy as np
from deep_lists import LIST, made_set

from training.metrics import ideal_dcg
from training.ranker.train import joined, lists_of
from training.training_set import TrainingSet


def _with_baskets(made, sizes):
    """Every user's basket has so many items, of which two are in the list."""
    at = made.table.column_names.index("basket_items")
    column = np.repeat(sizes, LIST).astype(np.int32)
    table = made.table.set_column(at, "basket_items", [column])
    return TrainingSet(table, made.retrieval, made.service, {})


def test_a_list_weighs_what_it_can_reach_of_its_basket():
    made = made_set(lists=2, with_impressions=False)
    lists = lists_of(_with_baskets(made, [2, 20, 2]), "train", 0.1)
    weight = lists.weight.reshape(2, LIST)
    reach = ideal_dcg(np.array([2])) / ideal_dcg(np.array([20]))
    np.testing.assert_allclose(weight[1] / weight[0], np.full(LIST, reach[0]), rtol=1e-6)
    np.testing.assert_allclose(lists.weight.mean(), 1.0, rtol=1e-6)
    assert lists.relevant.tolist() == [2, 20]


def test_where_every_basket_is_wholly_in_reach_all_purchases_weigh_one():
    lists = lists_of(made_set(lists=6), "train", 0.1)
    shown = lists.relevant.repeat(lists.sizes) == 0
    np.testing.assert_allclose(lists.weight[shown], 0.1, rtol=1e-6)
    np.testing.assert_allclose(lists.weight[~shown], 1.0, rtol=1e-6)


def test_a_window_without_rows_joins_without_a_trace():
    made = made_set(lists=4)
    train, none = (lists_of(made, window, 0.1) for window in ("train", "recent"))
    both = joined(train, none)
    np.testing.assert_array_equal(both.values, train.values)
    np.testing.assert_array_equal(both.sizes, train.sizes)
