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


def test_a_second_fit_in_another_process_gives_the_champions_figures_to_the_last_digit(
    figures, shop_home
):
    card = json.loads(counterfoil(shop_home, "models", "show", "champion", "--json").stdout)
    assert card["metrics"]["ndcg_at_10"] == figures["recommender"]["ndcg_at_10"]
    assert card["metrics"]["recall_at_10"] == figures["recommender"]["recall_at_10"]
    assert card["floors"] == figures["floors"]


def test_training_again_on_the_same_inputs_gives_the_same_version(shop_home):
    before = json.loads(counterfoil(shop_home, "models", "ls", "--json").stdout)
    done = counterfoil(shop_home, "train", "--force")
    assert done.returncode == 0, done.stderr
    assert (
        json.loads(counterfoil(shop_home, "models", "ls", "--json").stdout)[0]["version"]
        == (before[0]["version"])
    )


def test_the_judge_sees_only_orders_after_the_cutoff(figures):
    assert figures["cutoff"] == "2017-11-27T05:00:00+00:00"
    assert figures["households"] > 100
