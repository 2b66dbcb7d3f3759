"""What became of an impression is asked of its session; what nobody logs is not known."""

import duckdb
import pytest

from training.shop_queries import IMPRESSIONS_SQL

SHOWN = [("s1", "i1"), ("s1", "i2"), ("s1", "i3"), ("s2", "i1")]
ACTS = [
    ("s1", "i1", "view"),
    ("s1", "i1", "cart"),
    ("s1", "i1", "purchase"),
    ("s1", "i2", "view"),
    ("s1", "i2", "dismiss"),
    ("s1", "i9", "cart"),
]


def _labels(acts):
    """{(session, item): (bought, clicked, carted)} of every impression."""
    warehouse = duckdb.connect()
    warehouse.execute(
        "create table fct_events (event_id varchar, session_id varchar, user_id varchar, "
        "item_id varchar, derived_from_order_id varchar, event_type varchar, event_at timestamp, "
        "is_synthetic boolean)"
    )
    rows = [(session, item, "impression") for session, item in SHOWN] + acts
    for place, (session, item, kind) in enumerate(rows):
        warehouse.execute(
            "insert into fct_events values (?, ?, ?, ?, null, ?, timestamp '2020-01-01', true)",
            [f"e{place}", session, f"u-{session}", item, kind],
        )
    found = warehouse.sql(IMPRESSIONS_SQL).fetchall()
    return {(user[2:], item): flags for user, item, _, _, _, *flags in found}


def test_click_cart_and_purchase_are_those_of_the_same_session_and_item():
    assert _labels(ACTS) == {
        ("s1", "i1"): [True, True, True],
        ("s1", "i2"): [False, True, False],
        ("s1", "i3"): [False, False, False],
        ("s2", "i1"): [False, False, False],
    }


@pytest.mark.parametrize(("unlogged", "place"), [("view", 1), ("cart", 2)])
def test_a_shop_that_logs_no_such_act_has_no_such_label(unlogged, place):
    labels = _labels([act for act in ACTS if act[2] != unlogged])
    assert {flags[place] for flags in labels.values()} == {None}
    assert {flags[3 - place] for flags in labels.values()} == {True, False}


def test_impressions_alone_teach_that_nothing_was_bought():
    assert set(map(tuple, _labels([]).values())) == {(False, None, None)}
