"""`counterfoil evaluate recommender` fits, judges and computes its floors in one run."""

import json

import pytest
from sample_shop import counterfoil

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def figures(shop_home):
    done = counterfoil(shop_home, "evaluate", "recommender", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_figures_have_the_promised_keys_and_are_rates(figures):
    floors = figures["floors"]
    values = [
        figures["recommender"]["ndcg_at_10"],
        floors["popularity"]["ndcg_at_10"],
        floors["personal_frequency"]["ndcg_at_10"],
    ]
    assert all(0 < value < 1 for value in values)


def test_the_evaluation_agrees_with_the_champions_card(figures, shop_home):
    card = json.loads(counterfoil(shop_home, "models", "show", "champion", "--json").stdout)
    assert card["metrics"]["ndcg_at_10"] == pytest.approx(figures["recommender"]["ndcg_at_10"])
    assert card["floors"] == figures["floors"]


def test_the_judge_sees_only_orders_after_the_cutoff(figures):
    assert figures["cutoff"] == "2017-11-27T05:00:00+00:00"
    assert figures["households"] > 100
