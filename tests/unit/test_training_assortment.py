"""What all customers say of an item: its price among its like, and when it was last to be had."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.recommender.assortment import PRICE_WEEKS, PopularConfig, item_columns, take_stock
from training.recommender.signals import candidate_ranks
from training.shop_data import Lines
from training.windows import WEEK_US

NOW_US = 100 * WEEK_US
KINDS = np.array([[0, 0], [0, 0], [0, 0], [0, 1], [0, 0]], dtype=np.int32)


def lines_of(*rows):
    """Order lines of one user from (item, weeks ago, price), an order each."""
    item, weeks, price = (np.array(column) for column in zip(*rows, strict=True))
    ones = np.ones(len(rows), dtype=np.float32)
    return Lines(
        user=np.zeros(len(rows), dtype=np.int32),
        item=item.astype(np.int32),
        order=np.arange(len(rows), dtype=np.int32),
        at_us=NOW_US - (weeks * WEEK_US).astype(np.int64),
        quantity=ones,
        unit_price=price.astype(np.float32),
        is_discounted=ones > 1,
    )


def _columns(*rows):
    stock = take_stock(lines_of(*rows), KINDS, cutoff_us=NOW_US, config=PopularConfig())
    return item_columns(stock, np.arange(len(KINDS), dtype=np.int32))


def test_a_price_stands_among_those_of_its_own_kind():
    columns = _columns((0, 1, 9.0), (1, 2, 1.0), (2, 1, 4.0), (2, 2, 6.0), (3, 1, 0.1))
    position = columns["item_price_position"]
    assert position[:4].tolist() == pytest.approx([2.5 / 3, 0.5 / 3, 1.5 / 3, 0.5])
    assert np.isnan(position[4])


def test_an_old_price_is_no_price():
    columns = _columns((0, PRICE_WEEKS + 1, 9.0), (1, 1, 10.0))
    assert np.isnan(columns["item_price_position"][0])
    assert columns["item_price_position"][1] == 0.5


def test_an_item_is_as_far_away_as_its_latest_sale():
    weeks = _columns((0, 5, 1.0), (0, 2, 1.0), (1, 7, 1.0))["item_weeks_since_sold"]
    assert weeks[:2].tolist() == pytest.approx([2, 7])
    assert np.isinf(weeks[4])


@given(st.lists(st.integers(0, 4), min_size=1, max_size=20))
def test_a_rank_counts_the_candidates_that_score_higher(scores):
    ranks = candidate_ranks(np.array(scores, dtype=np.float64))
    assert ranks.tolist() == [sum(other > score for other in scores) for score in scores]
