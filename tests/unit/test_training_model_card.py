"""The model card is one page that needs nothing from outside and draws what was measured."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.curves import panels
from training.model_card import ModelCard, render_card
from training.search_space import Trial
from training.single_target import Interval

CURVE = [
    {"epoch": 1.0, "loss": 4.4, "ndcg_at_10": 0.11},
    {"epoch": 2.0, "loss": 2.7, "ndcg_at_10": 0.19},
    {"epoch": 3.0, "loss": 2.1, "ndcg_at_10": 0.17},
]


def _card(**more):
    told = {
        "title": "Sequence model",
        "facts": {"learned": "<2017>"},
        "figures": {"ndcg_at_10": Interval(0.2, 0.19, 0.21), "hr_at_10": 0.3},
        "floors": {"popularity": {"ndcg_at_10": 0.1}},
        "curve": CURVE,
        "knobs": {"width": 48, "learning_rate": 0.002, "compile": False},
        "effects": {"width": "numbers per item", "learning_rate": "step", "compile": "faster"},
    }
    return ModelCard(**told | more)


def test_the_page_holds_curves_figures_floors_and_knobs_with_their_effects():
    page = render_card(_card())
    assert page.count("<svg") == page.count("<polyline") == 2
    for text in ("0.2000", "0.1900 to 0.2100", "popularity", "numbers per item", "0.002", "false"):
        assert text in page
    assert "epoch 2 of 3" in page
    assert "epoch 2: 0.1900" in page


def test_the_page_has_no_address_and_no_script_and_escapes_what_it_tells():
    page = render_card(_card())
    assert not re.search(r"https?:|src=|href=|<script|url\(", page)
    assert "&lt;2017&gt;" in page


def test_the_table_of_a_search_marks_the_trial_that_was_kept():
    trials = [
        Trial(1, "complete", 0.1, 3, 1.0, {"width": 32}),
        Trial(2, "complete", 0.3, 3, 1.0, {"width": 64}),
        Trial(3, "pruned", 0.4, 1, 1.0, {"width": 48}),
    ]
    page = render_card(_card(trials=trials))
    row = re.search(r'<tr class="best"><td class="n">(\d)', page)
    assert row[1] == "2"
    assert "3 finished trials" in page


def test_intervals_are_spoken_of_only_where_there_are_some():
    assert "Intervals are" in render_card(_card())
    assert "Intervals are" not in render_card(_card(figures={"ndcg_at_10": 0.2}))


def test_a_model_without_an_epoch_has_a_card_too():
    assert "No epoch was learned" in render_card(_card(curve=[]))


@given(
    st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=60),
    st.floats(0, 1),
)
def test_a_curve_stays_inside_its_frame(losses, reached):
    curve = [
        {"epoch": float(epoch), "loss": loss, "ndcg_at_10": reached}
        for epoch, loss in enumerate(losses, start=1)
    ]
    for panel in panels(curve, metric="ndcg_at_10"):
        places = [tuple(map(float, point.split(","))) for point in panel.points.split()]
        assert len(places) == len(curve)
        for x, y in [*places, panel.best]:
            assert panel.left <= x <= panel.right
            assert panel.top - 0.1 <= y <= panel.bottom + 0.1
        assert all(panel.top - 0.1 <= tick.at <= panel.bottom + 0.1 for tick in panel.up)
        assert len(panel.up) >= 2


def test_ticks_are_round_numbers():
    loss, reached = panels(CURVE, metric="ndcg_at_10")
    assert [tick.text for tick in loss.up] == ["2", "3", "4", "5"]
    assert [tick.text for tick in reached.up] == ["0.1", "0.12", "0.14", "0.16", "0.18", "0.2"]
    assert loss.best[0] == pytest.approx((loss.left + loss.right) / 2)
