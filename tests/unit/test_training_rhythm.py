"""Gaps, rates, kinds and chances of buying again, each against a count by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.recommender.history import Purchases, habits, remember
from training.recommender.needs import need_columns
from training.recommender.repeats import EDGES, RepeatsConfig, fit_repeats
from training.recommender.rhythm import rhythm
from training.shop_data import Lines
from training.windows import WEEK_US

NOW_US = 100 * WEEK_US
MILK, BREAD, RYE, CAKE = range(4)
KINDS = np.array([0, 1, 1, 2], dtype=np.int32)  # bread and rye are one kind


def bought(*baskets):
    """Purchases of one user from (weeks ago, items), oldest first."""
    rows = [
        (item, len(baskets) - 1 - place, weeks)
        for place, (weeks, items) in enumerate(baskets)
        for item in items
    ]
    item, baskets_ago, weeks_ago = (np.array(column) for column in zip(*rows, strict=True))
    ones = np.ones(len(rows), dtype=np.float32)
    return Purchases(
        item=item.astype(np.int32),
        baskets_ago=baskets_ago.astype(np.int32),
        weeks_ago=weeks_ago.astype(np.float32),
        quantity=1 + (weeks_ago == 1).astype(np.float32),
        unit_price=2 * ones,
        is_discounted=weeks_ago == 1,
    )


MONTH = bought((10, [MILK, CAKE]), (6, [MILK, RYE]), (4, [BREAD]), (1, [MILK, BREAD]))


def own(purchases):
    items = habits(purchases).items
    columns = rhythm(purchases, items)
    return {n: dict(zip(items.tolist(), v.tolist(), strict=True)) for n, v in columns.items()}


def lines_of(*baskets):
    """Order lines from (user, weeks ago, items)."""
    rows = sorted(
        (user, NOW_US - int(weeks * WEEK_US), order, item)
        for order, (user, weeks, items) in enumerate(baskets)
        for item in items
    )
    user, at_us, order, item = (np.array(column) for column in zip(*rows, strict=True))
    ones = np.ones(len(rows), dtype=np.float32)
    return Lines(
        user=user.astype(np.int32),
        item=item.astype(np.int32),
        order=order.astype(np.int32),
        at_us=at_us,
        quantity=ones,
        unit_price=ones,
        is_discounted=ones > 1,
    )


def test_the_share_of_gaps_that_have_passed_counts_half_a_visit_ahead():
    """Milk after 4 and 5 weeks, visits every 3: a week and a half visit is before both."""
    columns = own(MONTH)
    assert columns["gap_share_passed"][MILK] == pytest.approx(0.5 / 3)
    late = bought((10, [MILK]), (6, [MILK, RYE]), (3.5, [BREAD]))
    assert own(late)["gap_share_passed"][MILK] == pytest.approx(1.5 / 2)


def test_an_item_bought_once_has_no_gap():
    assert np.isnan(own(MONTH)["gap_share_passed"][CAKE])


def test_the_last_quantity_is_that_of_the_latest_purchase():
    columns = own(MONTH)
    assert (columns["last_quantity"][MILK], columns["last_quantity"][CAKE]) == (2, 1)


def test_a_rate_is_a_share_of_the_users_fading_baskets():
    columns = own(MONTH)
    weight = {weeks: 0.95**weeks for weeks in (10, 6, 4, 1)}
    bread = (weight[4] + weight[1]) / sum(weight.values())
    assert columns["rate_95"][BREAD] == pytest.approx(bread)
    assert columns["rate_98"][BREAD] < columns["rate_95"][BREAD]  # bread is of late


def test_a_strength_is_held_against_the_tenth_or_the_last_there_is():
    strength = own(MONTH)["strength_to_tenth"]
    assert min(strength.values()) == 1
    many = own(bought((9, list(range(12))), (1, list(range(11)))))["strength_to_tenth"]
    assert many[0] == many[10] == 1
    assert many[11] < 1


def test_a_kind_is_bought_when_any_of_its_items_is():
    wanted = np.array([MILK, BREAD, RYE], dtype=np.int32)
    columns = need_columns(MONTH, wanted, KINDS, name="kind")
    assert columns["kind_rate"][1] == columns["kind_rate"][2]
    assert columns["kind_gap_ratio"][1:].tolist() == pytest.approx([1 / 2.5, 1 / 2.5])


def test_a_kind_never_bought_is_unknown_or_none():
    columns = need_columns(bought((3, [MILK])), np.array([CAKE]), KINDS, name="kind")
    assert columns["kind_rate"][0] == 0
    assert np.isnan(columns["kind_gap_ratio"][0])


def test_the_chance_to_buy_again_is_a_share_of_the_baskets_that_could():
    """Two users, a basket a week: milk every second week; so a week after, nobody, two, all."""
    baskets = [
        (user, weeks, [MILK] if weeks % 2 else [CAKE]) for user in (0, 1) for weeks in range(1, 41)
    ]
    history = remember(lines_of(*baskets), user_count=2, cutoff_us=NOW_US)
    categories = np.column_stack([np.zeros(4, dtype=np.int32), KINDS, KINDS])
    repeats = fit_repeats(history, categories, RepeatsConfig())
    one, two = np.searchsorted(EDGES, [1, 2])
    assert repeats.of_item[MILK, one] < 0.5 < repeats.of_item[MILK, two]
    assert repeats.of_item[MILK, one] == pytest.approx(repeats.of_item[CAKE, one], abs=0.05)


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 60), st.sets(st.integers(0, 3), min_size=1)),
        min_size=1,
        max_size=25,
        unique_by=lambda basket: basket[:2],
    )
)
def test_chances_stay_between_none_and_certain(baskets):
    history = remember(lines_of(*baskets), user_count=3, cutoff_us=NOW_US)
    categories = np.column_stack([np.zeros(4, dtype=np.int32), KINDS, KINDS])
    repeats = fit_repeats(history, categories, RepeatsConfig())
    for table in (repeats.of_item, repeats.of_type):
        assert ((table >= 0) & (table <= 1)).all()
    purchases = history.of(baskets[0][0])
    columns = repeats.columns(purchases, np.arange(4, dtype=np.int32), categories[:, -1])
    never = np.setdiff1d(np.arange(4), purchases.item)
    assert (columns["repeat_chance"][never] == 0).all()
